/** Small choices of the reader (time zone, log options) that outlive the page; kept in memory when storage is off. */
import { useSyncExternalStore } from "react";

export class Stored<T extends string> {
  private value: T;
  private readonly key: string;
  private readonly listeners = new Set<() => void>();

  constructor(key: string, allowed: readonly T[], fallback: T) {
    this.key = `cronium.${key}`;
    let found: string | null = null;
    try {
      found = localStorage.getItem(this.key);
    } catch {
      // Storage is off.
    }
    this.value = allowed.find((choice) => choice === found) ?? fallback;
  }

  get = (): T => this.value;

  set(value: T): void {
    this.value = value;
    try {
      localStorage.setItem(this.key, value);
    } catch {
      // Storage is off: the choice lasts until the page is closed.
    }
    for (const listener of this.listeners) {
      listener();
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useStored<T extends string>(store: Stored<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
