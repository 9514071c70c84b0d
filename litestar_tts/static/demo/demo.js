// The demo page: first the client, then what speaks with it.

import { loadClient } from "./connection.js";

loadClient().then(() => import("./page.js"));
