/** A script that only counts, and the floor of it: its image's own bash, in a container that runs already. */
import { docker, hostConfig } from "./docker.ts";

export interface Loop {
  /** Measured once, so that scripts of a given length can be written. */
  turnsPerSecond(): Promise<number>;
  /** A script that counts so far. */
  script(turns: number): string;
  /** Milliseconds that a new bash takes for it, by the clock inside the container. */
  once(turns: number): Promise<number>;
  stop(): Promise<void>;
}

const CALIBRATION = 200_000;

/** Reads how far to count, counts in a bash of its own, and says how many microseconds that took. */
const SERVE = `while IFS= read -r turns; do
  begin=$EPOCHREALTIME
  turns=$turns bash -c 'i=0; while ((i < turns)); do ((i += 1)); done'
  end=$EPOCHREALTIME
  echo $((\${end/./} - \${begin/./}))
done`;

export async function startLoop(image: string): Promise<Loop> {
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: [],
    Cmd: ["bash", "-c", SERVE],
    User: "10001:10001",
    NetworkDisabled: true,
    OpenStdin: true,
    AttachStdin: true,
    AttachStdout: true,
    HostConfig: hostConfig,
  });
  const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true });
  await container.start();
  const once = async (turns: number): Promise<number> => {
    const answer = new Promise<Buffer>((resolve) => stream.once("data", resolve));
    stream.write(`${turns}\n`);
    // Eight bytes of Docker's own stand before what was printed.
    return Number((await answer).subarray(8).toString()) / 1_000;
  };
  return {
    once,
    turnsPerSecond: async () => (CALIBRATION / (await once(CALIBRATION))) * 1_000,
    script: (turns) => `i=0; while ((i < ${turns})); do ((i += 1)); done`,
    stop: async () => container.remove({ force: true }),
  };
}
