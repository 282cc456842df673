import { output, OutputTooLargeError } from "@cronium/sdk";

try {
  await output("x".repeat(1_048_576));
} catch (error) {
  console.log(JSON.stringify(error instanceof OutputTooLargeError ? error.code : error));
}
await output("x".repeat(1_048_574));
