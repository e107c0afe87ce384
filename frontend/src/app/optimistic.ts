/** Writes that show at once, go out one at a time, and roll back when refused. */

interface OptimisticWriter<Value> {
  /** Show a value that is wanted or, after a refusal, the one that still holds. */
  show(key: number, value: Value): void;
  /** Store a value; rejects when the service refuses. */
  send(key: number, value: Value): Promise<void>;
  /** Hear that the service holds this value now. */
  stored(key: number, value: Value): void;
  /** Hear that `wanted` was refused and the value before it is shown again. */
  refused(key: number, wanted: Value, error: unknown): void;
}

interface Lane<Value> {
  stored: Value;
  wanted: Value;
}

/**
 * One lane a key: while a write is on its way, only the latest wish waits behind it, so
 * holding an arrow key sends few writes and the last one always wins.
 */
export class OptimisticWrites<Value> {
  readonly #lanes = new Map<number, Lane<Value>>();

  constructor(private readonly writer: OptimisticWriter<Value>) {}

  /** Want `value` where `current` is shown now; resolves when the lane is quiet. */
  async write(key: number, value: Value, current: Value): Promise<void> {
    this.writer.show(key, value);
    const busy = this.#lanes.get(key);
    if (busy) {
      busy.wanted = value;
      return;
    }
    const lane = { stored: current, wanted: value };
    this.#lanes.set(key, lane);
    await this.#drain(key, lane);
    this.#lanes.delete(key);
  }

  async #drain(key: number, lane: Lane<Value>): Promise<void> {
    while (lane.wanted !== lane.stored) {
      const wanted = lane.wanted;
      try {
        await this.writer.send(key, wanted);
        lane.stored = wanted;
        this.writer.stored(key, wanted);
      } catch (error) {
        if (lane.wanted !== wanted) continue; // a newer wish deserves its own answer
        lane.wanted = lane.stored;
        this.writer.show(key, lane.stored);
        this.writer.refused(key, wanted, error);
      }
    }
  }
}
