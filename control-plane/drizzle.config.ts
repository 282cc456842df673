/** How drizzle-kit derives `migrations/` from the schema; run it through `npm run db:generate`. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./control-plane/src/store/schema/*.ts",
  out: "./migrations",
  breakpoints: true,
});
