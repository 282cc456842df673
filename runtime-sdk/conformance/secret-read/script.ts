import { CroniumError, secret } from "@cronium/sdk";

const value = await secret("TOKEN");
try {
  await secret("ABSENT");
} catch (error) {
  console.log(JSON.stringify([value, error instanceof CroniumError ? error.code : null]));
}
