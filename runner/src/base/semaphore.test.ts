import { describe, test } from "vitest";
import { Semaphore } from "./semaphore.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to. */
function makeWork(name: string, order: string[]) {
  const end = Promise.withResolvers<void>();
  return {
    end: end.resolve,
    run: () => {
      order.push(name);
      return end.promise;
    },
  };
}

describe("a semaphore", () => {
  test("lets as much work run as it has permits, the rest in order of arrival", async ({ expect }) => {
    const semaphore = new Semaphore(2);
    const order: string[] = [];
    const works = ["a", "b", "c", "d"].map((name) => makeWork(name, order));
    const runs = works.map((work) => semaphore.run(work.run));
    await turn();
    expect(order).toEqual(["a", "b"]);
    works[1]?.end();
    await turn();
    expect(order).toEqual(["a", "b", "c"]);
    for (const work of works) {
      work.end();
    }
    await Promise.all(runs);
    expect(order).toEqual(["a", "b", "c", "d"]);
  });

  test("lets urgent work go before what came earlier, also when it became urgent while it waited", async ({
    expect,
  }) => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const [first, later, sooner, now] = ["first", "later", "sooner", "now"].map((name) => makeWork(name, order));
    let urgent = false;
    const runs = [
      semaphore.run(first?.run ?? turn),
      semaphore.run(later?.run ?? turn, () => false),
      semaphore.run(sooner?.run ?? turn, () => urgent),
      semaphore.run(now?.run ?? turn),
    ];
    first?.end();
    await turn();
    expect(order).toEqual(["first", "now"]);
    urgent = true;
    now?.end();
    await turn();
    expect(order).toEqual(["first", "now", "sooner"]);
    sooner?.end();
    later?.end();
    await Promise.all(runs);
    expect(order.at(-1)).toBe("later");
  });

  test("gives the permit back when the work fails", async ({ expect }) => {
    const semaphore = new Semaphore(1);
    await expect(semaphore.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await semaphore.run(async () => 1)).toBe(1);
  });
});
