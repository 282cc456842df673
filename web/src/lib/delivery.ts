import type { Delivery } from "@cronium/protocol/endpoint";
import type { DeliveryVerdict } from "@cronium/protocol/webhook-tables";

/** Of these only the number is kept. */
const COUNTED: ReadonlySet<DeliveryVerdict> = new Set(["duplicate", "invalid_signature", "invalid_body", "quota"]);

/** Whether it has a body that can be looked at, tried and replayed. */
export function isKept({ verdict }: Pick<Delivery, "verdict">): boolean {
  return !COUNTED.has(verdict);
}
