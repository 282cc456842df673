/** A run that a fake runner has taken and works on. */
import { connect, type Connection, type FakeRunner, registerFake } from "./fake-runner.ts";
import { makePlane, type Plane } from "./plane.ts";

export interface Working {
  readonly plane: Plane;
  readonly runner: FakeRunner;
  readonly connection: Connection;
  readonly runId: string;
}

/** `change`: of the event that the run is of. */
export async function startWorking(change = {}): Promise<Working> {
  const plane = await makePlane();
  const runner = await registerFake(plane, { name: "shed" });
  const connection = await connect(runner);
  const runId = await plane.trigger(change);
  await connection.accept(await connection.job());
  connection.send({ type: "started", runId, attempt: 1 });
  await plane.until(runId, (run) => run.state === "running", "running");
  return { plane, runner, connection, runId };
}
