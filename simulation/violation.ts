/** A guarantee that does not hold: its id in the guarantees, and what was seen. */
export class Violation extends Error {
  readonly id: string;

  constructor(id: string, message: string) {
    super(`${id}: ${message}`);
    this.name = "Violation";
    this.id = id;
  }
}
