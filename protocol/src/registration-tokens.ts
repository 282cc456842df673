/** Kinds and states of registration tokens; plain tables without zod, shared by every program. */

export const registrationTokenKinds = {
  single_use: "Registers one machine.",
  reusable: "Registers as many machines as it says, all with its labels.",
  ephemeral: "Registers runners that take one job each and then leave for good.",
} as const;
export type RegistrationTokenKind = keyof typeof registrationTokenKinds;

export const registrationTokenStates = {
  open: "It can be used.",
  used_up: "It has registered as many machines as it may.",
  expired: "Its time is over.",
  revoked: "Somebody has revoked it.",
} as const;
export type RegistrationTokenState = keyof typeof registrationTokenStates;
