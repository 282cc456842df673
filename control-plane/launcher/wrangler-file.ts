/** What the launcher reads of `wrangler.toml`, the one description of the Worker's surroundings. */
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import * as z from "zod";

const WranglerFile = z.strictObject({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()).default([]),
  assets: z.strictObject({
    directory: z.string(),
    binding: z.string(),
    not_found_handling: z.literal("single-page-application"),
    run_worker_first: z.literal(true),
  }),
  d1_databases: z.array(
    z.strictObject({
      binding: z.string(),
      database_name: z.string(),
      database_id: z.string(),
      migrations_dir: z.string(),
    }),
  ),
  durable_objects: z.strictObject({
    bindings: z.array(z.strictObject({ name: z.string(), class_name: z.string() })),
  }),
  migrations: z.array(z.strictObject({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })),
  r2_buckets: z.array(z.strictObject({ binding: z.string(), bucket_name: z.string() })),
  /** Nothing to provide: one process counts for itself, exactly. */
  ratelimits: z
    .array(
      z.strictObject({
        name: z.string(),
        namespace_id: z.string(),
        simple: z.strictObject({ limit: z.int(), period: z.int() }),
      }),
    )
    .default([]),
  triggers: z.strictObject({ crons: z.array(z.string()) }),
  vars: z.record(z.string(), z.string()),
});
export type WranglerFile = z.infer<typeof WranglerFile>;

/**
 * Throws for anything this launcher does not know how to provide: a binding that only exists hosted must not go
 * unnoticed.
 */
export function readWranglerFile(path: string): WranglerFile {
  const parsed = WranglerFile.safeParse(parse(readFileSync(path, "utf8")));
  if (!parsed.success) {
    throw new Error(`${path} holds what the launcher cannot provide:\n${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
