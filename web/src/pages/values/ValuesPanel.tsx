import type { Role } from "@cronium/protocol/roles";
import type { ReactNode } from "react";
import { SecretsSection } from "./SecretsSection.tsx";
import { VariablesSection } from "./VariablesSection.tsx";

export interface ValuesPanelProps {
  /** The viewer's own. */
  readonly role: Role;
  /** What runs of this event get; null for all of the workspace. */
  readonly eventId: string | null;
}

/** Secrets and variables, of the workspace or as one event has them. */
export function ValuesPanel(props: ValuesPanelProps): ReactNode {
  return (
    <>
      <SecretsSection {...props} />
      <VariablesSection {...props} />
    </>
  );
}
