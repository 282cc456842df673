/** For one test file: a control plane, runners that reach it through a network with faults, and runs of the fake executor. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTerminal, type Run, type RunState } from "@cronium/protocol";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { startPlane, type Plane } from "./plane.ts";
import { type RunnerOptions, type RunnerProcess, startRunner } from "./runner-process.ts";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.ts";
import { eventually } from "./wait.ts";

export class FaultyNetwork {
  /** The same for the whole file. */
  plane!: Plane;
  /** This one, and what follows, is another in each test. */
  proxy!: TcpProxy;
  folder!: string;
  private runners: RunnerProcess[] = [];

  /** Called at the top of a test file; `leases` are settings of the control plane. */
  constructor(leases: Readonly<Record<string, string>>) {
    beforeAll(async () => {
      this.plane = await startPlane(leases);
    });
    afterAll(() => this.plane.stop());
    beforeEach(async () => {
      this.proxy = await startTcpProxy(this.plane.url);
      this.folder = mkdtempSync(join(tmpdir(), "cronium-faults-"));
      this.runners = [];
    });
    afterEach(async () => {
      this.proxy.heal();
      await Promise.all(this.runners.map((runner) => runner.stop()));
      await this.proxy.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** A runner behind the network, stopped after the test. */
  async runner(options: Partial<RunnerOptions> = {}): Promise<RunnerProcess> {
    const started = await startRunner(this.plane, { executor: "fake", url: this.proxy.url, ...options });
    this.runners.push(started);
    return started;
  }

  async trigger(event: Readonly<Record<string, unknown>>): Promise<string> {
    const script = { name: "fault", kind: "script", runtime: "bash", ...event };
    const created = await this.plane.call("POST", "/events", script);
    const answer = await this.plane.call("POST", `/events/${created.body.id}/runs`, { input: null });
    if (answer.status !== 202) {
      throw new Error(`Not accepted: ${JSON.stringify([created.body, answer.body])}`);
    }
    return answer.body.runId as string;
  }

  /** A run of the fake executor that writes its starts down and prints while it runs. */
  fakeRun(sleepMs: number, event: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const env = { FAKE_SLEEP_MS: String(sleepMs), FAKE_OUTPUT: "1", FAKE_LOG_LINES: "2", FAKE_LEDGER: this.ledger };
    return this.trigger({ script: "true", env, ...event });
  }

  get ledger(): string {
    return join(this.folder, "ledger");
  }

  /** The attempts that were started, in that order. */
  startsOf(runId: string): string[] {
    const lines = readFileSync(this.ledger, "utf8").split("\n");
    return lines
      .filter((line) => line.startsWith(runId) && line.endsWith("started"))
      .map((line) => line.split(" ")[1] ?? "");
  }

  inState(runId: string, state: RunState): Promise<Run> {
    return eventually(`run ${runId} to be ${state}`, 120_000, async () => {
      const { body } = await this.plane.call("GET", `/runs/${runId}`);
      if (body.state !== state && isTerminal(body.state as RunState)) {
        throw new Error(`It is ${body.state} instead: ${body.failReason} ${body.message}`);
      }
      return body.state === state ? (body as Run) : null;
    });
  }

  ended(runId: string): Promise<Run> {
    return eventually(`run ${runId} to end`, 120_000, async () => {
      const { body } = await this.plane.call("GET", `/runs/${runId}`);
      return isTerminal(body.state as RunState) ? (body as Run) : null;
    });
  }
}
