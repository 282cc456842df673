import { CroniumError, input } from "@cronium/sdk";

try {
  console.log(JSON.stringify(await input()));
} catch (error) {
  console.log(JSON.stringify(error instanceof CroniumError ? [error.name, error.code] : String(error)));
}
