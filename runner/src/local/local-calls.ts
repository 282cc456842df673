/**
 * What a job asks of the control plane, answered from memory, for a script that runs on this machine without one. One
 * job alone asks, so there is nobody to lock against but itself, and nothing that is told to others.
 */
import { randomUUID } from "node:crypto";
import type { CallError, CallOp, Json } from "@cronium/protocol";
import { echo } from "@cronium/protocol";
import type { CallAnswer } from "../run/deps.ts";
import type { LocalArtifacts } from "./local-artifacts.ts";

const PAGE = 100;
const MAX_VARIABLE_BYTES = 65_536;
/** Values change through this process alone, so none is worth keeping elsewhere. */
const UNKEPT = { cacheMs: 0, after: 0 } as const;

interface Held {
  readonly lockId: string;
  readonly until: number;
}

export interface LocalCallsOptions {
  readonly variables: Readonly<Record<string, Json>>;
  readonly artifacts: LocalArtifacts;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

export class LocalCalls {
  private readonly options: LocalCallsOptions;
  private readonly variables = new Map<string, { readonly value: string; readonly version: number }>();
  private readonly locks = new Map<string, Held>();
  private readonly answered = new Map<string, CallAnswer>();
  private fence = 0;
  name: string | null = null;
  condition: boolean | null = null;

  constructor(options: LocalCallsOptions) {
    this.options = options;
    for (const [name, value] of Object.entries(options.variables)) {
      this.variables.set(name, { value: JSON.stringify(value), version: 1 });
    }
  }

  /** As they are now. */
  get values(): Record<string, Json> {
    return Object.fromEntries([...this.variables].map(([name, { value }]) => [name, JSON.parse(value) as Json]));
  }

  /** The same key is decided once. */
  answer(key: string, op: CallOp): CallAnswer {
    const known = this.answered.get(key);
    if (known !== undefined) {
      return known;
    }
    const result = this.decide(op);
    const answer: CallAnswer =
      typeof result === "object" && result !== null && "refused" in result
        ? { ok: false, error: (result as unknown as Refused).refused }
        : { ok: true, result: result as Json };
    // Reading again is to see what was written meanwhile.
    if (answer.ok && !op.do.endsWith(".get") && !op.do.endsWith(".list")) {
      this.answered.set(key, answer);
    }
    return answer;
  }

  private decide(op: CallOp): Json | Refused {
    switch (op.do) {
      case "variable.get": {
        const found = this.variables.get(op.name);
        return { value: found?.value ?? null, version: found?.version ?? 0, ...UNKEPT };
      }
      case "variable.list":
        return this.list(op.prefix, op.after ?? "");
      case "variable.set":
        return this.set(op);
      case "variable.delete":
        return this.conflict(op) ?? (this.variables.delete(op.name), null);
      case "lock.take":
        return this.take(op.name, op.ttlMs);
      case "lock.renew":
        return this.holds(op.name, op.lockId)
          ? this.hold(op.name, op.lockId, op.ttlMs)
          : refuse("lock_lost", `The lock ${echo(op.name)} ran out, or was somebody else's.`);
      case "lock.free":
        if (this.holds(op.name, op.lockId)) {
          this.locks.delete(op.name);
        }
        return null;
      case "note":
        this.name = op.name ?? this.name;
        this.condition = op.condition ?? this.condition;
        return null;
      case "action":
        return op.action === "echo"
          ? { result: op.params }
          : refuse("unknown_action", `There is no action ${echo(op.action)}; there is: echo.`);
      case "artifact.put":
        return this.options.artifacts.expect(op) as unknown as Json | Refused;
      case "artifact.list":
        return { items: this.options.artifacts.list() } as unknown as Json;
      case "artifact.get":
        return this.options.artifacts.ticket(op.name) as unknown as Json | Refused;
      default:
        return op satisfies never;
    }
  }

  private list(prefix: string, after: string): Json {
    const names = [...this.variables.keys()].filter((name) => name.startsWith(prefix) && name > after).toSorted();
    const items = names.slice(0, PAGE).map((name) => ({ name, version: 0, value: "", ...this.variables.get(name) }));
    return { items, next: names.length > PAGE ? (items.at(-1)?.name ?? null) : null };
  }

  private set(op: Extract<CallOp, { do: "variable.set" }>): Json | Refused {
    if (Buffer.byteLength(op.value) > MAX_VARIABLE_BYTES) {
      return refuse("body_too_large", `A variable holds at most ${MAX_VARIABLE_BYTES} bytes of JSON.`);
    }
    const refused = this.conflict(op);
    if (refused !== null) {
      return refused;
    }
    const version = (this.variables.get(op.name)?.version ?? 0) + 1;
    this.variables.set(op.name, { value: op.value, version });
    return { version, ...UNKEPT };
  }

  private conflict({ name, ifVersion }: { name: string; ifVersion?: number | undefined }): Refused | null {
    const version = this.variables.get(name)?.version ?? 0;
    return ifVersion === undefined || ifVersion === version
      ? null
      : refuse("version_conflict", `The variable ${echo(name)} is at version ${version}, not ${ifVersion}.`);
  }

  private take(name: string, ttlMs: number): Json | Refused {
    const held = this.locks.get(name);
    const leftMs = held === undefined ? 0 : held.until - this.options.now();
    return leftMs > 0
      ? refuse("locked", `The lock ${echo(name)} is held.`, Math.ceil(leftMs))
      : this.hold(name, randomUUID(), ttlMs);
  }

  private hold(name: string, lockId: string, ttlMs: number): Json {
    this.fence += 1;
    this.locks.set(name, { lockId, until: this.options.now() + ttlMs });
    return { lockId, ttlMs, fence: this.fence };
  }

  private holds(name: string, lockId: string): boolean {
    const held = this.locks.get(name);
    return held?.lockId === lockId && held.until > this.options.now();
  }
}

export interface Refused {
  readonly refused: CallError;
}

export function refuse(code: CallError["code"], message: string, retryAfterMs?: number): Refused {
  return { refused: { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } };
}
