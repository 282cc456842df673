/** An event as its form holds it: text as typed, until it is checked and sent. */
import type { NewEvent, UpdateEvent } from "@cronium/protocol/api/events";
import type { Event, Runtime } from "@cronium/protocol/event";
import type { Json } from "@cronium/protocol/json";
import {
  DEFAULT_MEMORY_MB,
  DEFAULT_TIMEOUT_MS,
  MAX_MEMORY_MB,
  MAX_TIMEOUT_MS,
  MIN_MEMORY_MB,
  MIN_TIMEOUT_MS,
} from "@cronium/protocol/limits";
import { durationText, parseDuration } from "../lib/duration.ts";
import { pairsText, parsePairs } from "../lib/pairs.ts";
import { t } from "../lib/text.ts";
import { chainsText, readChains } from "./chain-draft.ts";
import { containerText, readContainer } from "./container-draft.ts";

export interface EventDraft {
  readonly name: string;
  readonly description: string;
  /** JSON. */
  readonly defaultInput: string;
  /** JSON; empty for none. */
  readonly inputSchema: string;
  readonly runtime: Runtime;
  readonly script: string;
  readonly timeout: string;
  readonly memoryMb: string;
  readonly labels: string;
  readonly mounts: string;
  readonly env: string;
  /** Names, a line each; of `secretEnv` all are among `secrets`. */
  readonly secrets: string;
  readonly secretEnv: string;
  readonly scriptRetries: string;
  readonly maxAttempts: string;
  readonly onLost: Event["onLost"];
  /** Settings of its container, as `containerText` makes them. */
  readonly container: string;
  /** Events that it starts, as `chainsText` makes them. */
  readonly chains: string;
}

export type DraftField = keyof EventDraft;
export type DraftErrors = Partial<Record<DraftField, string>>;

const STARTERS = {
  python: 'import cronium\n\ndata = cronium.input()\nprint("Hello from Cronium")\ncronium.output({"received": data})\n',
  node: 'import { input, output } from "@cronium/sdk";\n\nconst data = await input();\nconsole.log("Hello from Cronium");\nawait output({ received: data });\n',
  bash: 'set -euo pipefail\n\ndata=$(cronium_input)\necho "Hello from Cronium"\ncronium_output "{\\"received\\": $data}"\n',
} as const satisfies Record<Runtime, string>;

export function starterScript(runtime: Runtime): string {
  return STARTERS[runtime];
}

export function isStarterScript(script: string): boolean {
  return Object.values<string>(STARTERS).includes(script);
}

export function newDraft(): EventDraft {
  return {
    name: "",
    description: "",
    defaultInput: "null",
    inputSchema: "",
    runtime: "python",
    script: STARTERS.python,
    timeout: durationText(DEFAULT_TIMEOUT_MS),
    memoryMb: String(DEFAULT_MEMORY_MB),
    labels: "",
    mounts: "",
    env: "",
    secrets: "",
    secretEnv: "",
    scriptRetries: "0",
    maxAttempts: "5",
    onLost: "retry",
    container: "{}",
    chains: "[]",
  };
}

export function draftOf(event: Event): EventDraft {
  return {
    name: event.name,
    description: event.description,
    defaultInput: JSON.stringify(event.defaultInput, null, 2),
    inputSchema: event.inputSchema === null ? "" : JSON.stringify(event.inputSchema, null, 2),
    runtime: event.runtime,
    script: event.script,
    timeout: durationText(event.timeoutMs),
    memoryMb: String(event.memoryMb),
    labels: pairsText(event.labels),
    mounts: pairsText(Object.fromEntries(event.mounts.map((mount) => [mount.name, mount.target]))),
    env: pairsText(event.env),
    secrets: event.secrets.join("\n"),
    secretEnv: event.secretEnv.join("\n"),
    scriptRetries: String(event.scriptRetries),
    maxAttempts: String(event.maxAttempts),
    onLost: event.onLost,
    container: containerText(event.container ?? {}),
    chains: chainsText(event.chains),
  };
}

export type ReadDraft =
  | { readonly ok: true; readonly event: NewEvent }
  | { readonly ok: false; readonly errors: DraftErrors };

/** Checks what can be checked here; the API has the last word. */
export function readDraft(draft: EventDraft): ReadDraft {
  const errors: { -readonly [Field in DraftField]?: string } = {};
  if (draft.name.trim() === "") {
    errors.name = t("field.required");
  }
  if (draft.script.trim() === "") {
    errors.script = t("editor.scriptEmpty");
  }
  const timeoutMs = parseDuration(draft.timeout);
  if (timeoutMs === null) {
    errors.timeout = t("editor.timeoutWrong");
  } else if (timeoutMs < MIN_TIMEOUT_MS || timeoutMs > MAX_TIMEOUT_MS) {
    errors.timeout = t("editor.timeoutRange");
  }
  const whole = (
    field: "memoryMb" | "scriptRetries" | "maxAttempts",
    min: number,
    max: number,
    message: string,
  ): number => {
    const value = /^\d+$/.test(draft[field].trim()) ? Number(draft[field]) : Number.NaN;
    if (!(value >= min && value <= max)) {
      errors[field] = message;
    }
    return value;
  };
  const pairs = (field: "labels" | "mounts" | "env"): Readonly<Record<string, string>> => {
    const parsed = parsePairs(draft[field]);
    if (parsed.ok) {
      return parsed.pairs;
    }
    errors[field] = parsed.message;
    return {};
  };
  const defaultInput = parseInput(draft.defaultInput);
  if (defaultInput === undefined) {
    errors.defaultInput = t("editor.defaultInputWrong");
  }
  const schema = parseInput(draft.inputSchema);
  const inputSchema =
    typeof schema === "object" && !Array.isArray(schema) ? (schema as NewEvent["inputSchema"]) : undefined;
  if (inputSchema === undefined) {
    errors.inputSchema = t("editor.inputSchemaWrong");
  }
  const container = readContainer(draft.container);
  if (!container.ok) {
    errors.container = container.message;
  }
  const settings = container.ok ? container.settings : {};
  const chains = readChains(draft.chains);
  if (!chains.ok) {
    errors.chains = chains.message;
  }
  const event: NewEvent = {
    kind: "script",
    name: draft.name.trim(),
    description: draft.description,
    defaultInput: defaultInput ?? null,
    inputSchema: inputSchema ?? null,
    runtime: draft.runtime,
    script: draft.script,
    timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
    memoryMb: whole("memoryMb", MIN_MEMORY_MB, MAX_MEMORY_MB, t("editor.memoryRange")),
    labels: pairs("labels"),
    env: pairs("env"),
    secrets: namesIn(draft.secrets),
    secretEnv: namesIn(draft.secretEnv),
    mounts: Object.entries(pairs("mounts")).map(([name, target]) => ({ name, target: target.trim() })),
    scriptRetries: whole("scriptRetries", 0, 10, t("editor.scriptRetriesRange")),
    maxAttempts: whole("maxAttempts", 1, 20, t("editor.maxAttemptsRange")),
    onLost: draft.onLost,
    chains: chains.ok ? chains.chains : [],
    ...(Object.keys(settings).length === 0 ? {} : { container: settings }),
  };
  return Object.keys(errors).length === 0 ? { ok: true, event } : { ok: false, errors };
}

function namesIn(text: string): string[] {
  return text.split("\n").filter((name) => name !== "");
}

/** Undefined when it is not JSON; no text at all means no input. */
function parseInput(text: string): Json | undefined {
  try {
    return text.trim() === "" ? null : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
}

/** The fields of `event` that differ from `base`, as a change based on its version. */
export function changeOf(event: NewEvent, base: Event): UpdateEvent {
  const { kind: _kind, container = {}, ...fields } = event;
  const changed = Object.entries(fields).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(base[field as keyof Event]),
  );
  const sameContainer = containerText(container) === containerText(base.container ?? {});
  return { version: base.version, ...Object.fromEntries(changed), ...(sameContainer ? {} : { container }) };
}

const POINTERS: Readonly<Record<string, DraftField>> = { timeoutMs: "timeout" };

/** The form field that an API pointer such as `/env/FOO` means; null when no field shows it. */
export function fieldOfPointer(pointer: string, draft: EventDraft): DraftField | null {
  const name = pointer.split("/")[1] ?? "";
  const field = POINTERS[name] ?? name;
  return field in draft ? (field as DraftField) : null;
}
