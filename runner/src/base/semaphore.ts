/**
 * Lets `permits` pieces of work run at a time. Of those that wait, the first urgent one goes next, else the first.
 * Whether a piece is urgent is asked when there is room for it, because it may have become so meanwhile.
 */
interface Waiter {
  readonly urgent: () => boolean;
  readonly go: () => void;
}

export class Semaphore {
  private free: number;
  private readonly waiting: Waiter[] = [];

  constructor(permits: number) {
    this.free = permits;
  }

  async run<T>(work: () => Promise<T>, urgent: () => boolean = () => true): Promise<T> {
    if (this.free > 0) {
      this.free -= 1;
    } else {
      await new Promise<void>((go) => this.waiting.push({ urgent, go }));
    }
    try {
      return await work();
    } finally {
      const first = this.waiting.findIndex((waiter) => waiter.urgent());
      const [next] = this.waiting.splice(Math.max(0, first), 1);
      if (next === undefined) {
        this.free += 1;
      } else {
        next.go();
      }
    }
  }
}
