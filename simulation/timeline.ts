/** Virtual time: what is due happens in order of its instant, and of being planned where instants are equal. */
interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class Timeline {
  /** Milliseconds that have truly passed since the start, whatever any clock shows. */
  now = 0;
  private readonly heap: Planned[] = [];
  private order = 0;

  /** Plans `run` in `ms` from now; the returned function takes it back. */
  after(ms: number, run: () => void): () => void {
    this.order += 1;
    const planned: Planned = { at: this.now + Math.max(0, ms), order: this.order, run, cancelled: false };
    this.push(planned);
    return () => {
      planned.cancelled = true;
    };
  }

  /** Moves to the next instant and does what is due; false when nothing is left before `until`. */
  step(until: number): boolean {
    for (;;) {
      const first = this.heap[0];
      if (first === undefined || first.at > until) {
        this.now = Math.max(this.now, until);
        return false;
      }
      this.pop();
      if (!first.cancelled) {
        this.now = first.at;
        first.run();
        return true;
      }
    }
  }

  private push(planned: Planned): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(planned);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(planned, above)) {
        break;
      }
      heap[i] = above;
      i = parent;
    }
    heap[i] = planned;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      const right = heap[2 * i + 2];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, last)) {
        break;
      }
      heap[i] = child;
      i = child === left ? 2 * i + 1 : 2 * i + 2;
    }
    heap[i] = last;
  }
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
