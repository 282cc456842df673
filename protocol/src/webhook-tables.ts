/** Webhooks: how senders prove who they are, and what becomes of deliveries. Plain tables without zod. */

/** How a sender proves who it is. All but `none`, `basic` and `bearer` sign the bytes of the body. */
export const verificationKinds = [
  "standard",
  "github",
  "gitlab",
  "stripe",
  "slack",
  "hmac",
  "basic",
  "bearer",
  "none",
] as const;
export type VerificationKind = (typeof verificationKinds)[number];

/** What became of a delivery. Those after `test` started nothing. */
export const deliveryVerdicts = {
  accepted: "It started a run.",
  duplicate: "It had arrived before; nothing new was started.",
  filtered: "No filter of the endpoint let it through.",
  test: "The endpoint listened for a test: shown, and nothing was started.",
  invalid_signature: "The sender did not prove who it is.",
  invalid_body: "The body could not be read.",
  filter_failed: "The filter had no answer for it.",
  mapping_failed: "The mapping made no input of it.",
  invalid_input: "The input did not suit the event.",
  event_disabled: "There is no such event any more.",
  quota: "The workspace's triggers were used up.",
} as const;
export type DeliveryVerdict = keyof typeof deliveryVerdicts;
