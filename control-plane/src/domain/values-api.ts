/** What home offers of secrets and variables; as all of `domain/dispatcher.ts`, each call may be repeated. */
import type {
  CreateSecret,
  CreateVariable,
  ImportedSecrets,
  ReplaceSecret,
  Secret,
  SetVariable,
  Variable,
  VariableVersion,
} from "@cronium/protocol";
import type { By, Outcome } from "./dispatcher.ts";

export interface CreateSecretCommand extends By {
  readonly secretId: string;
  readonly secret: CreateSecret;
}

export interface ImportSecretsCommand extends By {
  /** In the order of the text; ids are used for those that are new. */
  readonly items: readonly { readonly secretId: string; readonly name: string; readonly value: string }[];
  readonly eventId: string | null;
  readonly preview: boolean;
}

export interface CreateVariableCommand extends By {
  readonly variableId: string;
  readonly variable: CreateVariable;
}

export interface ValuesApi {
  /** Nothing here returns the value of a secret. `eventId` undefined: all of the workspace. */
  listSecrets(eventId: string | undefined): Promise<Outcome<readonly Secret[]>>;
  getSecret(secretId: string): Promise<Secret | null>;
  createSecret(command: CreateSecretCommand): Promise<Outcome<Secret>>;
  replaceSecret(command: By & { readonly secretId: string; readonly change: ReplaceSecret }): Promise<Outcome<Secret>>;
  /** Refused with `in_use` while events name it, unless `force`. */
  deleteSecret(command: By & { readonly secretId: string; readonly force: boolean }): Promise<Outcome<null>>;
  importSecrets(command: ImportSecretsCommand): Promise<Outcome<ImportedSecrets>>;

  listVariables(eventId: string | undefined): Promise<Outcome<readonly Variable[]>>;
  getVariable(variableId: string): Promise<Variable | null>;
  /** Newest first; empty when there is no such variable. */
  listVariableVersions(variableId: string): Promise<readonly VariableVersion[]>;
  createVariable(command: CreateVariableCommand): Promise<Outcome<Variable>>;
  setVariable(command: By & { readonly variableId: string; readonly change: SetVariable }): Promise<Outcome<Variable>>;
  /** `version` null: whatever it is at. */
  deleteVariable(
    command: By & { readonly variableId: string; readonly version: number | null },
  ): Promise<Outcome<null>>;
}
