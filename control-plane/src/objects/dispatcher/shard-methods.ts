/** What home offers its shards, and a shard home and the Worker. A class for the reason that `hook-methods.ts` gives. */
import type { EventDefinition, Queue } from "@cronium/protocol";
import type { Outcome } from "../../domain/dispatcher.ts";
import type {
  EventCopy,
  Facts,
  HandedValues,
  HomeApi,
  Leftovers,
  PlacedAnswer,
  PlacesAnswer,
  PlacesAsk,
  RunnerFacts,
  ShardApi,
  ValuesAsk,
} from "../../domain/sharding.ts";
import { answerAsk } from "./allowances.ts";
import { callHome } from "./calls/calls.ts";
import { endCalls, passFence } from "./calls/kept-answers.ts";
import { copyEvent } from "./event-copies.ts";
import { sealValues } from "./handed-values.ts";
import { HookMethods } from "./hook-methods.ts";
import { learn } from "./learn.ts";
import { leftOf } from "./leftovers.ts";
import { hasTold } from "./outbox.ts";
import { enqueuePlaced, releaseQueue } from "./placed.ts";
import { setQueueShard } from "./queue-moves.ts";
import { showRelayed } from "./relay.ts";
import { readOwnDefinition } from "./run-rows.ts";
import { runnerFacts } from "./tell.ts";
import { inTurn } from "./turns.ts";

export abstract class ShardMethods extends HookMethods implements HomeApi, ShardApi {
  async listShards(): Promise<readonly number[]> {
    return this.isErased ? [] : this.shell.shards;
  }

  async setQueueShard(command: Parameters<HomeApi["setQueueShard"]>[0]): Promise<Outcome<Queue>> {
    return setQueueShard(this.shell, command);
  }

  async copyEvent({ eventId, versions }: Parameters<HomeApi["copyEvent"]>[0]): Promise<EventCopy | null> {
    return copyEvent(this.shell, eventId, versions);
  }

  async relay(texts: readonly string[]): Promise<void> {
    showRelayed(this.shell, texts);
  }

  async askPlaces(ask: PlacesAsk): Promise<PlacesAnswer | null> {
    this.group.flush();
    return inTurn(this.shell, (turn) => answerAsk(this.shell, turn, ask));
  }

  async runnerFacts(runnerId: string): Promise<RunnerFacts | null> {
    const runner = this.shell.fleet.get(runnerId);
    return runner === undefined ? null : runnerFacts(runner);
  }

  async sealValues(ask: ValuesAsk): Promise<readonly HandedValues[] | null> {
    return inTurn(this.shell, (turn) => sealValues(this.shell, turn, ask));
  }

  async callHome(call: Parameters<HomeApi["callHome"]>[0]): ReturnType<HomeApi["callHome"]> {
    return callHome(this.shell, this.group, call);
  }

  async endCalls(ref: Parameters<HomeApi["endCalls"]>[0]): Promise<void> {
    inTurn(this.shell, (turn) => {
      endCalls(this.shell, ref);
      passFence(this.shell, { ...ref, attempt: ref.attempt + 1 }, turn.now);
    });
  }

  async enqueuePlaced(batch: Parameters<ShardApi["enqueuePlaced"]>[0]): Promise<PlacedAnswer> {
    return this.group.call((turn) => enqueuePlaced(this.shell, turn, batch));
  }

  async learn(facts: Facts): Promise<void> {
    learn(this.shell, facts);
  }

  async releaseQueue(command: Parameters<ShardApi["releaseQueue"]>[0]): Promise<void> {
    this.group.flush();
    inTurn(this.shell, () => releaseQueue(this.shell, command));
  }

  async leftOf(queue: string): Promise<Leftovers> {
    return leftOf(this.shell, queue);
  }

  async hasTold(until: number): Promise<boolean> {
    this.group.flush();
    return hasTold(this.shell, until);
  }

  async ownDefinition(runId: string): Promise<EventDefinition | null> {
    return readOwnDefinition(this.shell, runId);
  }
}
