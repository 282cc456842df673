/** How drizzle-kit derives `migrations/` from the schema; run it through `npm run db:generate`. */
import { defineConfig } from "drizzle-kit";

// oxlint-disable-next-line import/no-default-export -- drizzle-kit reads the default export
export default defineConfig({
  dialect: "sqlite",
  schema: "./control-plane/src/store/schema.ts",
  out: "./migrations",
  breakpoints: true,
});
