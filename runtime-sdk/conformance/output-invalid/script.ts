import { InvalidJsonError, output } from "@cronium/sdk";

const circle: unknown[] = [];
circle.push(circle);
const codes: string[] = [];
for (const value of [Number.NaN, undefined, circle]) {
  try {
    await output(value);
  } catch (error) {
    if (error instanceof InvalidJsonError) {
      codes.push(error.code);
    }
  }
}
console.log(JSON.stringify(codes));
