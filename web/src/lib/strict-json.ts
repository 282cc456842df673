/** The reader that the API uses itself, so that what this page accepts the API accepts too. Loaded with the dialog. */
import { parseStrictJson } from "@cronium/protocol/json";
import * as z from "zod";

// zod otherwise probes for `eval`, which the content security policy refuses and reports.
z.config({ jitless: true });

export const readJson = parseStrictJson;
