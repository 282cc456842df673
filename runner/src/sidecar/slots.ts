/**
 * The slots of this process: one unix socket per slot, and the job bound to it. Nothing is kept on disk; after a
 * restart the runner opens and binds everything again.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { decodeJwt } from "jose";
import { type AllowedHost, readAllowedHost } from "@cronium/protocol/allowed-host";
import {
  type CallOp,
  CALL_BURST,
  CALLS_PER_SECOND,
  type Json,
  type SidecarCommand,
  type SidecarEvent,
} from "@cronium/protocol";
import { addressCheck } from "../network-ranges.ts";
import type { Answered } from "./call.ts";
import type { VerifiedToken } from "./execution-token.ts";
import { EgressProxy } from "./egress/proxy.ts";
import { Metrics } from "./metrics.ts";
import { stopProgress } from "./notes.ts";
import { Rate } from "./rate.ts";
import { answer } from "./runtime-api.ts";
import type { VariableCache } from "./variable-cache.ts";

/** The script's request must arrive within these, an artifact's body too; waiting for the job is not limited. */
const HEADERS_WITHIN_MS = 10_000;
const REQUEST_WITHIN_MS = 900_000;
/** Requests of one job that are answered here; what goes on to the control plane is counted apart. */
const REQUEST_BURST = 4_000;
const REQUESTS_PER_SECOND = 2_000;
const MAX_HEADER_BYTES = 16_384;
/** A job is a few processes; more connections than this are an attack on this process. */
const MAX_CONNECTIONS = 128;

export type Bind = Extract<SidecarCommand, { type: "bind" }>;

export interface SlotState {
  readonly name: string;
  bind: Bind | null;
  /** `jti` of the token that this job was given. */
  tokenId: string | null;
  /** The token that was verified last: a job makes all its calls with the same one. */
  verified: VerifiedToken | null;
  handedOut: boolean;
  closed: boolean;
  /** The newest progress that was not sent on yet. */
  progress: { readonly fraction: number | null; readonly message: string | null } | null;
  progressTimer: NodeJS.Timeout | null;
  readonly metrics: Metrics;
  readonly requests: Rate;
  readonly calls: Rate;
  /** Resolves when a job is bound; what long polls wait for. */
  bound: PromiseWithResolvers<void>;
  readonly server: Server;
  /** Leads out of a job that may reach some hosts. */
  egress: EgressProxy | null;
}

export interface SlotContext {
  readonly key: Uint8Array;
  /** Folder of all slots, relative to the working folder or absolute. */
  readonly socketDir: string;
  readonly emit: (event: SidecarEvent) => void;
  /** Asks the runner to make an output durable; false when it could not. */
  readonly store: (slot: string, value: Json) => Promise<boolean>;
  /** Asks the runner to hide a token in the job's log; false when it could not. */
  readonly conceal: (slot: string, token: string) => Promise<boolean>;
  /** Asks the control plane, through the runner. Never rejects. */
  readonly ask: (slot: string, key: string, op: CallOp) => Promise<Answered>;
  /** Address of the control plane, for artifacts. */
  readonly planeUrl: string | null;
  readonly cache: VariableCache;
}

export class Slots {
  private readonly context: SlotContext;
  private readonly slots = new Map<string, SlotState>();
  /** The last change of each name's socket: the next one waits for it, or a late close would take a new socket away. */
  private readonly changes = new Map<string, Promise<void>>();

  constructor(context: SlotContext) {
    this.context = context;
  }

  /** Resolves once the socket takes connections; at once when it already does. */
  open(name: string): Promise<void> {
    return this.inTurn(name, () => this.listen(name));
  }

  /** Resolves once the socket, its folder and every connection are gone. Its job's token is dead at once. */
  close(name: string): Promise<void> {
    const slot = this.slots.get(name);
    if (slot !== undefined) {
      slot.closed = true;
    }
    return this.inTurn(name, () => this.remove(name));
  }

  /** Gives the job to its slot. Rejects when the slot is not open, or closed in the meantime. */
  bind(bind: Bind): Promise<void> {
    return this.inTurn(bind.slot, () => this.giveJob(bind));
  }

  private inTurn(name: string, change: () => Promise<void>): Promise<void> {
    const before = this.changes.get(name) ?? Promise.resolve();
    const done = before.then(change, change);
    this.changes.set(name, done);
    const forget = (): void => {
      if (this.changes.get(name) === done) {
        this.changes.delete(name);
      }
    };
    done.then(forget, forget);
    return done;
  }

  private async giveJob(bind: Bind): Promise<void> {
    const slot = this.slots.get(bind.slot);
    if (slot === undefined || slot.closed) {
      throw new Error(`slot ${bind.slot} is not open`);
    }
    await this.openEgress(slot, bind);
    slot.bind = bind;
    slot.handedOut = bind.handedOut;
    slot.verified = null;
    slot.tokenId = tokenIdOf(bind.job.env["CRONIUM_TOKEN"]);
    slot.bound.resolve();
  }

  private async openEgress(slot: SlotState, { egress }: Bind): Promise<void> {
    await slot.egress?.close();
    slot.egress = null;
    if (egress !== undefined) {
      const rules = (hosts: readonly string[]): AllowedHost[] => hosts.flatMap((host) => readAllowedHost(host) ?? []);
      const proxy = new EgressProxy({
        hosts: rules(egress.hosts),
        also: egress.also === null ? null : rules(egress.also),
        isOpen: addressCheck(egress.privateRanges),
        kbps: egress.kbps,
        report: (text) => this.context.emit({ type: "egress", slot: slot.name, text }),
      });
      await proxy.listen(`${this.context.socketDir}/${slot.name}/proxy.sock`);
      slot.egress = proxy;
    }
  }

  private async listen(name: string): Promise<void> {
    if (this.slots.has(name)) {
      return;
    }
    const folder = `${this.context.socketDir}/${name}`;
    const socket = `${folder}/api.sock`;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    rmSync(socket, { force: true });
    const server = createServer({
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: REQUEST_WITHIN_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    server.maxConnections = MAX_CONNECTIONS;
    const slot: SlotState = {
      name,
      bind: null,
      tokenId: null,
      verified: null,
      handedOut: false,
      closed: false,
      progress: null,
      progressTimer: null,
      metrics: new Metrics(),
      requests: new Rate(REQUEST_BURST, REQUESTS_PER_SECOND),
      calls: new Rate(CALL_BURST, CALLS_PER_SECOND),
      bound: Promise.withResolvers<void>(),
      server,
      egress: null,
    };
    server.on("request", (request, response) => {
      void answer(this.context, slot, request, response);
    });
    this.slots.set(name, slot);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, resolve);
    });
    // The job's user is nobody this machine knows; the folder above keeps everyone else out.
    chmodSync(socket, 0o666);
  }

  private async remove(name: string): Promise<void> {
    const slot = this.slots.get(name);
    if (slot !== undefined) {
      slot.closed = true;
      stopProgress(slot);
      this.slots.delete(name);
      await new Promise<void>((resolve) => {
        slot.server.close(() => resolve());
        slot.server.closeAllConnections();
      });
      if (slot.egress !== null) {
        await slot.egress.close();
      }
    }
    rmSync(`${this.context.socketDir}/${name}`, { recursive: true, force: true });
  }
}

function tokenIdOf(token: string | undefined): string | null {
  try {
    return token === undefined ? null : (decodeJwt(token).jti ?? null);
  } catch {
    return null;
  }
}
