"""The doors: HTTP routes, frames, responses, problems, OpenAPI."""
