"""The plugin: speech for a Litestar application, wired in without touching what is the application's own."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import CLIPlugin, InitPlugin
from litestar.types import Middleware

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import ConfigurationError, TTSError
from litestar_tts.limits import RateLimiter
from litestar_tts.web.compression import opt_against, sparing
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.openapi import RequestModels
from litestar_tts.web.problems import exception_handlers
from litestar_tts.web.ratelimit import RateLimitMiddleware
from litestar_tts.web.router import SECURITY_SCHEME, build_router, claims_prefix, shared_paths, uncopied
from litestar_tts.web.service import TTSService

if TYPE_CHECKING:
    from click import Group

__all__ = ("TTSPlugin", "get_plugin")

DEFAULT_SERVICE_KEY = "tts_service"


class TTSPlugin(InitPlugin, CLIPlugin, RequestModels):
    """Speech for a Litestar application.

    ::

        app = Litestar(route_handlers=[...], plugins=[TTSPlugin(TTSConfig(path="/tts"))])

    Handlers get the service injected under ``config.service_key``. Of two plugins with the default key the first gives
    it its service; name another key for the second to have that injected too.

    Args:
        config: Options; None: the defaults and the environment.

    Raises:
        ConfigurationError: The options do not fit each other, or what is installed.
        MissingExtraError: A named part is not installed.
    """

    def __init__(self, config: TTSConfig | None = None) -> None:
        self.config = config or TTSConfig()
        self._service: TTSService | None = None
        self._budget: RateLimiter | None = None
        self._keys: ApiKeys | None = None

    @property
    def service(self) -> TTSService:
        """The service that speaks; for use outside of handlers."""
        if self._service is None:
            self._service = TTSService(self.config, keys=self.keys)
        return self._service

    @property
    def keys(self) -> ApiKeys | None:
        """The API keys, as they are at each moment; None where the configuration asks for none.

        Raises:
            ConfigurationError: Their file cannot be read.
        """
        if self._keys is None:
            self._keys = ApiKeys.from_config(self.config)
        return self._keys

    def rate_limit(self) -> Middleware:
        """Middleware with which a route of the application spends from the budget of the plugin's clients.

        Every request to such a route counts one; a request too many is answered with 429. Without a rate limit in the
        configuration it does nothing.
        """
        limiter = self._limiter()
        if limiter is None:
            return lambda app: app
        return uncopied(RateLimitMiddleware.from_config(self.config, limiter, keys=self.keys, on_entry=True))

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add routes, the injected service and the clean-up to the application."""
        config = self.config
        if not config.enabled:
            return app_config
        others = [
            plugin
            for plugin in app_config.plugins
            if isinstance(plugin, TTSPlugin) and plugin is not self and plugin.config.enabled
        ]
        limiter = self._limiter()
        # What our service raises in a handler of the application is answered as our own routes answer it, unless the
        # application says otherwise.
        # A copy: Litestar hands on the application's own object, which may be that of other applications too.
        app_config.exception_handlers = {TTSError: exception_handlers()[TTSError], **app_config.exception_handlers}
        self._inject(app_config, others)
        app_config.lifespan.append(self._lifespan(limiter))
        app_config.plugins.append(_Last())
        if config.mount_speech:
            self._mount(app_config, others, limiter)
        return app_config

    def on_cli_init(self, cli: "Group") -> None:
        """Add ``litestar tts …``."""
        if self.config.enabled and "tts" not in cli.commands:
            from litestar_tts.cli.commands import group  # only the command line needs it

            cli.add_command(group, "tts")

    def _limiter(self) -> RateLimiter | None:
        config = self.config
        if config.rate_limit is not None and self._budget is None:
            self._budget = RateLimiter(
                config.rate_limit,
                store_url=config.store_url,
                workers=config.workers,
                namespace=f"litestar-tts{config.path.rstrip('/')}",
            )
        return self._budget

    def _inject(self, app_config: AppConfig, others: "list[TTSPlugin]") -> None:
        key = self.config.service_key
        if any(other.config.service_key == key and key in app_config.dependencies for other in others):
            if key == DEFAULT_SERVICE_KEY:
                return
            raise ConfigurationError(f"two TTSPlugins have the service_key {key!r}; give each its own")
        if key in app_config.dependencies or key in app_config.parameters:
            what = "dependency" if key in app_config.dependencies else "parameter"
            raise ConfigurationError(
                f"the application has a {what} {key!r} of its own; choose another service_key for TTSConfig"
            )
        service = self.service

        def provide() -> TTSService:
            return service

        app_config.dependencies[key] = Provide(provide, sync_to_thread=False)
        # Hosts that import the type only for type checkers name it all the same.
        app_config.signature_namespace.setdefault("TTSService", TTSService)

    def _lifespan(self, limiter: RateLimiter | None) -> Any:
        @asynccontextmanager
        async def lifespan(_: Litestar) -> AsyncIterator[None]:
            # Nothing has to be opened: a mounted application has no lifespan, so everything opens on first use.
            warming = asyncio.create_task(self.service.warm_up()) if self.config.warm_up else None
            try:
                yield
            finally:
                if warming is not None:
                    warming.cancel()
                    await asyncio.wait({warming})
                await self.service.close()
                if limiter is not None:
                    await limiter.aclose()

        return lifespan

    def _mount(self, app_config: AppConfig, others: "list[TTSPlugin]", limiter: RateLimiter | None) -> None:
        config = self.config
        if any(other.config.path == config.path and other.config.mount_speech for other in others):
            raise ConfigurationError(f"two TTSPlugins are mounted at {config.path!r}; give each a path of its own")
        opt = dict(config.opt)
        if config.csrf_exempt:
            csrf = app_config.csrf_config
            opt[csrf.exclude_from_csrf_key if csrf is not None else "exclude_from_csrf"] = True
        if config.asks_for_keys and config.security is None and config.include_in_schema:
            _add_security_scheme(app_config)
        router = build_router(
            config,
            self.service,
            limiter,
            keys=self.keys,
            opt=opt,
            audio_opt=opt_against(app_config.compression_config),
            # At the root, what is unknown to us is for the application to answer.
            whole_prefix=config.path != "/" and not claims_prefix(config.path, app_config.route_handlers),
        )
        taken = shared_paths([router], app_config.route_handlers)
        if taken:
            raise ConfigurationError(
                f"the application answers {', '.join(taken)} itself, as a TTSPlugin at {config.path!r} would; "
                "give TTSConfig another path"
            )
        app_config.route_handlers.append(router)


class _Last(InitPlugin):
    """Comes behind all plugins of the application, and so sees what they have set."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Keep the application's compression away from speech."""
        if app_config.compression_config is not None:
            app_config.compression_config = sparing(app_config.compression_config)
        return app_config


def get_plugin(app: Litestar) -> TTSPlugin:
    """The (first) plugin of an application, also where it is of a class derived from :class:`TTSPlugin`.

    Raises:
        LookupError: There is none.
    """
    for plugin in app.plugins.init:
        if isinstance(plugin, TTSPlugin):
            return plugin
    raise LookupError("This application has no TTSPlugin.")


def _add_security_scheme(app_config: AppConfig) -> None:
    if app_config.openapi_config is None:
        return
    # A copy: without a configuration of its own, every application in the process has the same object.
    app_config.openapi_config = described = copy.copy(app_config.openapi_config)
    scheme = SecurityScheme(type="http", scheme="bearer", description="API key: `Authorization: Bearer <key>`.")
    own = described.components if isinstance(described.components, list) else [described.components]
    described.components = [*own, Components(security_schemes={SECURITY_SCHEME: scheme})]
