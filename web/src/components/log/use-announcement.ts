import { useEffect, useRef, useState } from "react";
import { t } from "../../lib/text.ts";

const EVERY_MS = 5_000;

/** "12 new log lines" at most every 5 s; `count` is null while there is nothing to announce. */
export function useAnnouncement(count: number | null): string {
  const [text, setText] = useState("");
  const latest = useRef(count);
  const told = useRef(count);
  latest.current = count;
  const isOn = count !== null;
  useEffect(() => {
    if (!isOn) {
      return undefined;
    }
    told.current = latest.current;
    const timer = setInterval(() => {
      const fresh = (latest.current ?? 0) - (told.current ?? 0);
      if (fresh > 0) {
        setText(t("log.announce", fresh));
        told.current = latest.current;
      }
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  return text;
}
