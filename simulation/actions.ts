/** What each action of a plan does to a world, and how everything is healed in the end. */
import type { EnqueueCommand } from "../control-plane/src/domain/dispatcher.ts";
import { cancelRun } from "../control-plane/src/objects/dispatcher/cancel.ts";
import { enqueue } from "../control-plane/src/objects/dispatcher/enqueue.ts";
import { releaseRunner } from "../control-plane/src/objects/dispatcher/quarantine.ts";
import { requeueRun } from "../control-plane/src/objects/dispatcher/requeue.ts";
import { revokeRunner } from "../control-plane/src/objects/dispatcher/revocation.ts";
import { inTurn } from "../control-plane/src/objects/dispatcher/turns.ts";
import type { Machine } from "./machine.ts";
import { type Action, TROUBLED_MS } from "./plan.ts";
import { isRevoked } from "./rows.ts";
import { Violation } from "./violation.ts";
import { noTrouble } from "./wire.ts";
import type { World } from "./world.ts";

/** Who wants to requeue something, and finds no dead letter, looks again this much later. */
const LOOK_AGAIN_MS = 15_000;

/** Commands by the key they were sent with, for repeating them. */
const sentCommands = new WeakMap<World, EnqueueCommand[]>();

export function schedule(world: World): void {
  for (const action of world.plan.actions) {
    world.timeline.after(action.at, () => {
      world.note(`action ${JSON.stringify(action)}`);
      world.guard(() => act(world, action));
    });
  }
}

function machineOf(world: World, who: number): Machine {
  const machine = world.machines[who % world.machines.length];
  if (machine === undefined) {
    throw new Error("A world has machines.");
  }
  return machine;
}

export function act(world: World, action: Action): void {
  const { timeline, object } = world;
  switch (action.kind) {
    case "trigger":
      trigger(world, action);
      return;
    case "retrigger": {
      const commands = sentCommands.get(world) ?? [];
      const command = commands[action.what % Math.max(commands.length, 1)];
      if (command !== undefined) {
        send(world, command);
      }
      return;
    }
    case "cancel": {
      const runId = world.runIds[action.what % Math.max(world.runIds.length, 1)];
      if (runId !== undefined && !object.down) {
        object.call("cancel", (shell) => inTurn(shell, (turn) => cancelRun(shell, turn, runId)));
      }
      return;
    }
    case "requeue":
      requeue(world, action);
      return;
    case "hole": {
      const { path } = machineOf(world, action.who);
      for (const trouble of action.direction === "both" ? [path.up, path.down] : [path[action.direction]]) {
        trouble.holeUntil = Math.max(trouble.holeUntil, timeline.now + action.ms);
      }
      return;
    }
    case "noise": {
      const { loss, repeat, disorder, lateMs } = action;
      const trouble = machineOf(world, action.who).path[action.direction];
      Object.assign(trouble, { loss, repeat, disorder, lateMs });
      timeline.after(action.ms, () => Object.assign(trouble, { loss: 0, repeat: 0, disorder: 0 }));
      return;
    }
    case "break":
      machineOf(world, action.who).breakConnection();
      return;
    case "crash":
      object.crash(action.downMs);
      return;
    case "evict":
      object.evict();
      return;
    case "fuse":
      object.storage.fuse = { left: action.left, kind: action.how };
      return;
    case "alarm_again":
      object.alarmAgain();
      return;
    case "alarm_late":
      object.alarmDelayMs = action.lateMs;
      object.planAlarm(0);
      timeline.after(action.ms, () => {
        object.alarmDelayMs = 0;
        object.planAlarm(0);
      });
      return;
    case "kill": {
      const machine = machineOf(world, action.who);
      machine.kill();
      timeline.after(action.backAfterMs, () => startAgain(world, machine));
      return;
    }
    case "pause": {
      const machine = machineOf(world, action.who);
      machine.pause();
      timeline.after(action.ms, () => machine.resume());
      return;
    }
    case "drain": {
      const machine = machineOf(world, action.who);
      machine.terminate();
      comeBack(world, machine, action.backAfterMs);
      return;
    }
    case "revoke":
      revoke(world, machineOf(world, action.who));
      return;
    case "server_clock":
      world.serverSkewMs += action.byMs;
      object.planAlarm(0);
      return;
    case "runner_clock":
      machineOf(world, action.who).skewMs += action.byMs;
      return;
    case "d1":
      world.d1.mode = action.mode;
      timeline.after(action.ms, () => {
        world.d1.mode = "ok";
      });
      return;
    case "rooms_fail":
      world.roomsFail = true;
      timeline.after(action.ms, () => {
        world.roomsFail = false;
      });
      return;
    case "replay": {
      const { said } = machineOf(world, action.from);
      // Half of them are what was said just now, while it still matters.
      const choice = action.what % 2 === 0 ? said : said.slice(-4);
      const text = choice[(action.what >> 1) % Math.max(choice.length, 1)];
      // A runner may say of itself what it likes; what another one said about itself is no attack.
      if (text !== undefined && !text.includes('"status"') && !text.includes('"bye"')) {
        machineOf(world, action.by).inject(text);
      }
      return;
    }
    case "container_dies": {
      const running = machineOf(world, action.who).containers.running();
      running[action.what % Math.max(running.length, 1)]?.end({ code: 137, oomKilled: false });
      return;
    }
    default:
      action satisfies never;
  }
}

function trigger(world: World, action: Extract<Action, { kind: "trigger" }>): void {
  const eventId = world.eventIds[action.what % world.eventIds.length] ?? "";
  const runId = world.newId("run");
  const command: EnqueueCommand = {
    runId,
    causeKey: action.key === null ? runId : `key-${action.key}`,
    bodyHash: `hash-${eventId}`,
    trigger: "api",
    input: { at: action.at },
    options: {},
    target: { kind: "event", eventId },
  };
  sentCommands.set(world, [...(sentCommands.get(world) ?? []), command]);
  for (let n = 0; n < action.times; n += 1) {
    send(world, command);
  }
}

/** A dead letter, or any run while there is none: that must be refused, or have been done before. */
function requeue(world: World, action: Extract<Action, { kind: "requeue" }>): void {
  const { object, safety, timeline } = world;
  const { what, key, times } = action;
  const dead = [...safety.snapshot.runs.values()].filter((run) => run.fail_reason === "retries_exhausted");
  const lookAgainAt = timeline.now + LOOK_AGAIN_MS;
  if (dead.length === 0 && lookAgainAt < TROUBLED_MS) {
    timeline.after(LOOK_AGAIN_MS, () => world.guard(() => requeue(world, action)));
  }
  const among = dead.length > 0 ? dead.map(({ id }) => id) : world.runIds;
  const runId = among[what % Math.max(among.length, 1)];
  for (let n = 0; n < times && runId !== undefined && !object.down; n += 1) {
    const causeKey = key === null ? null : `requeue-${key}`;
    safety.asksRequeue(runId);
    const outcome = object.call("requeue", (shell) =>
      inTurn(shell, (turn) => requeueRun(shell, turn, { runId, causeKey, bodyHash: runId })),
    );
    if (outcome?.ok === true && outcome.value.requeued) {
      world.note(`requeued ${runId}`);
      safety.requeued(runId, causeKey);
    }
  }
}

/** As the Worker sends it: a caller without an answer knows nothing and may repeat it. */
function send(world: World, command: EnqueueCommand): void {
  if (world.object.down) {
    return;
  }
  world.object.callGrouped(
    "enqueue",
    (shell, turn) => enqueue(shell, turn, command),
    (outcome) => world.guard(() => answered(world, command, outcome)),
  );
}

function answered(world: World, command: EnqueueCommand, outcome: ReturnType<typeof enqueue>): void {
  if (!outcome.ok) {
    if (outcome.code !== "idempotency_mismatch") {
      throw new Violation("I1", `a trigger was refused: ${outcome.message}`);
    }
    return;
  }
  world.safety.triggered(command.causeKey, outcome.value.runId);
  if (!world.runIds.includes(outcome.value.runId)) {
    world.runIds.push(outcome.value.runId);
  }
}

/** The last runner that may connect stays, so that there is somebody to heal. */
function revoke(world: World, machine: Machine): void {
  const { object } = world;
  if (object.down || world.revoked.size + 1 >= world.machines.length || machine === world.machines[0]) {
    return;
  }
  world.revoked.add(machine.id);
  const told = object.call("revoke", (shell) => revokeRunner(shell, machine.id));
  if (told === undefined && !isRevoked(object.storage, machine.id)) {
    // It died before the commit: nobody has heard of it. Behind the commit it holds, whatever the caller was told.
    world.revoked.delete(machine.id);
  }
}

function startAgain(world: World, machine: Machine): void {
  if (!world.revoked.has(machine.id)) {
    machine.start();
  }
}

/** A service manager starts it again some time after it has left by itself. */
function comeBack(world: World, machine: Machine, afterMs: number): void {
  const { epoch } = machine;
  world.timeline.after(afterMs, () => {
    if (machine.up && machine.epoch === epoch) {
      comeBack(world, machine, 1_000);
    } else {
      startAgain(world, machine);
    }
  });
}

/** Every fault ends; what was stopped goes on. */
export function heal(world: World): void {
  const { object, d1, machines } = world;
  world.note("healed");
  object.downUntil = 0;
  object.upSince = Math.min(object.upSince, world.timeline.now);
  object.alarmDelayMs = 0;
  object.storage.fuse = null;
  object.planAlarm(0);
  d1.mode = "ok";
  world.roomsFail = false;
  for (const machine of machines) {
    // A person has looked at those that could not start anything.
    object.call("release", (shell) => inTurn(shell, (turn) => releaseRunner(shell, turn, machine.id)));
    Object.assign(machine.path.up, noTrouble());
    Object.assign(machine.path.down, noTrouble());
    machine.resume();
    startAgain(world, machine);
  }
}
