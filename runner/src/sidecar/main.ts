/**
 * The sidecar: serves the runtime API to jobs, in a process of its own, because it faces hostile code. It holds no key
 * of the runner and no Docker socket; as root it gives its rights up before it listens. It lives as long as the channel
 * to the runner that started it.
 */
import { chownSync } from "node:fs";
import { chdir } from "node:process";
import {
  CALL_WITHIN_MS,
  type CallOp,
  type Json,
  SidecarCommand,
  type SidecarEvent,
  SidecarReply,
} from "@cronium/protocol";
import type { Answered } from "./call.ts";
import { Slots } from "./slots.ts";
import { VariableCache } from "./variable-cache.ts";

/** User and group it becomes when started as root: neither the job's nor anyone's in the system. */
const SIDECAR_UID = 10_002;
/** How long the runner may take to make an output durable. */
const STORE_WITHIN_MS = 15_000;
/** The runner gives up first, and says why. */
const ANSWER_WITHIN_MS = CALL_WITHIN_MS + 5_000;

let slots: Slots | null = null;
let nextId = 1;
const storing = new Map<number, (ok: boolean) => void>();
const asking = new Map<number, (answered: Answered) => void>();
const cache = new VariableCache(() => performance.now());

function emit(event: SidecarEvent): void {
  process.send?.(event, undefined, undefined, () => {
    // The channel closes when the runner goes; `disconnect` ends this process then.
  });
}

function store(slot: string, value: Json): Promise<boolean> {
  return done((id) => ({ type: "output", slot, id, value }));
}

function conceal(slot: string, token: string): Promise<boolean> {
  return done((id) => ({ type: "token", slot, id, token }));
}

/** Whether the runner says in time that it has done what this asks for. */
function done(event: (id: number) => SidecarEvent): Promise<boolean> {
  const id = nextId;
  nextId += 1;
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), STORE_WITHIN_MS);
    const settle = (ok: boolean): void => {
      clearTimeout(timer);
      storing.delete(id);
      resolve(ok);
    };
    storing.set(id, settle);
    emit(event(id));
  });
}

function ask(slot: string, key: string, op: CallOp): Promise<Answered> {
  const id = nextId;
  nextId += 1;
  return new Promise((resolve) => {
    const settle = (answered: Answered): void => {
      clearTimeout(timer);
      asking.delete(id);
      resolve(answered);
    };
    const timer = setTimeout(() => settle(UNANSWERED), ANSWER_WITHIN_MS);
    asking.set(id, settle);
    emit({ type: "call", slot, id, key, op });
  });
}

const UNANSWERED: Answered = {
  ok: false,
  error: { code: "not_available", message: "The runner did not answer. Repeating the call is safe." },
};

/** True for what answers something that this process asked. */
function settled(message: unknown): boolean {
  const reply = SidecarReply.safeParse(message);
  if (!reply.success) {
    return false;
  }
  if (reply.data.type === "stored") {
    storing.get(reply.data.id)?.(reply.data.ok);
    return true;
  }
  const { id, result = null, error } = reply.data;
  asking.get(id)?.(error === undefined ? { ok: true, result } : { ok: false, error });
  return true;
}

/**
 * Goes to live in the socket folder. Sockets are opened by relative paths: their length is then no matter (a unix
 * address holds 107 bytes), and folders above that only root may enter do not stand in the way.
 */
function settleIn(socketDir: string): void {
  chdir(socketDir);
  if (process.getuid?.() === 0) {
    try {
      chownSync(".", SIDECAR_UID, SIDECAR_UID);
      process.setgroups?.([SIDECAR_UID]);
      process.setgid?.(SIDECAR_UID);
      process.setuid?.(SIDECAR_UID);
    } catch (error) {
      emit({ type: "failed", slot: null, message: `keeps its rights: ${String(error)}` });
    }
  }
}

async function obey(command: SidecarCommand): Promise<void> {
  if (command.type === "configure") {
    settleIn(command.socketDir);
    slots = new Slots({
      conceal,
      key: Buffer.from(command.key, "base64url"),
      socketDir: ".",
      emit,
      store,
      ask,
      planeUrl: command.planeUrl ?? null,
      cache,
    });
    return;
  }
  if (command.type === "uncache") {
    cache.drop(command.names, command.id);
    emit({ type: "uncached", id: command.id });
    return;
  }
  if (slots === null) {
    throw new Error("it is not configured yet");
  }
  switch (command.type) {
    case "open":
      await slots.open(command.slot);
      emit({ type: "opened", slot: command.slot });
      return;
    case "bind":
      await slots.bind(command);
      return;
    case "close":
      await slots.close(command.slot);
      emit({ type: "closed", slot: command.slot });
      return;
    default:
      command satisfies never;
  }
}

process.on("message", (message: unknown) => {
  if (settled(message)) {
    return;
  }
  const command = SidecarCommand.safeParse(message);
  if (!command.success) {
    emit({ type: "failed", slot: null, message: `unknown command: ${command.error.message}` });
    return;
  }
  obey(command.data).catch((error: unknown) => {
    const slot = "slot" in command.data ? command.data.slot : null;
    emit({ type: "failed", slot, message: String(error) });
  });
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole terminal group; the runner decides when this process ends.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

emit({ type: "ready" });
