/** Processor time and memory, as the kernel counts them. */
import { readFileSync } from "node:fs";

/** Ticks of /proc are 1/100 s on every Linux that Node supports. */
const TICK_MS = 10;

/** User and system time of a process so far, in steps of 10 ms: fields 14 and 15 of its `stat`. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Time that all processors of the machine together were busy so far; waiting for a disk does not count. */
export function machineBusyMs(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? ""
  )
    .split(" ")
    .map(Number);
  return (user + nice + system + irq + softIrq) * TICK_MS;
}

/** MiB of memory that is there to be taken, the kernel's own estimate. */
export function machineFreeMb(): number {
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) / 1_024;
}

/** Resident memory of a process, MiB. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kb) / 1_024;
}
