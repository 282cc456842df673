import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { type ScrollState, scrollTo, scrolled } from "../../lib/log/scroll.ts";

export const ROW_HEIGHT = 18;
/** Rows drawn beyond both edges, so that the compositor has something to show before the next frame. */
const OVERSCAN = 24;

export interface LogScroll {
  readonly fullHeight: number;
  readonly first: number;
  readonly last: number;
  /** Where the first drawn row stands inside the scroll area, in pixels. */
  readonly offset: number;
  readonly isFollowing: boolean;
  readonly width: number;
  readonly onScroll: () => void;
  readonly follow: () => void;
  readonly centre: (row: number) => void;
}

/**
 * Scroll position of a log of `rowCount` rows. Follows the end until the reader moves away from it, and again once the
 * reader is back. A position that the reader chose is never changed by arriving lines.
 */
export function useLogScroll(
  element: RefObject<HTMLDivElement | null>,
  rowCount: number,
  startFollowing: boolean,
): LogScroll {
  const [viewport, setViewport] = useState({ width: 0, height: 0 });
  const [state, setState] = useState<ScrollState>({ scrollTop: 0, virtualTop: 0 });
  const [isFollowing, setFollowing] = useState(startFollowing);
  const stateRef = useRef(state);
  const fullHeight = rowCount * ROW_HEIGHT;

  const moveTo = useCallback(
    (next: ScrollState) => {
      stateRef.current = next;
      setState(next);
      const area = element.current;
      if (area !== null && Math.abs(area.scrollTop - next.scrollTop) > 0.5) {
        area.scrollTop = next.scrollTop;
        // The browser rounds and bounds what it was told; deltas count from what it made of it.
        stateRef.current = { ...next, scrollTop: area.scrollTop };
      }
    },
    [element],
  );

  useEffect(() => {
    const area = element.current;
    if (area === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() => setViewport({ width: area.clientWidth, height: area.clientHeight }));
    observer.observe(area);
    return () => observer.disconnect();
  }, [element]);

  useLayoutEffect(() => {
    if (isFollowing) {
      moveTo(scrollTo(fullHeight, viewport.height, fullHeight));
    }
  }, [isFollowing, fullHeight, viewport.height, moveTo]);

  const onScroll = useCallback(() => {
    const area = element.current;
    if (area === null) {
      return;
    }
    const before = stateRef.current;
    const next = scrolled(before, area.scrollTop, area.clientHeight, fullHeight);
    const distance = fullHeight - area.clientHeight - next.virtualTop;
    if (next.scrollTop < before.scrollTop - 1 && distance > ROW_HEIGHT) {
      setFollowing(false);
    } else if (distance <= 2 && next.scrollTop > before.scrollTop + 0.5) {
      // Only a move by the reader: a jump to the newest line that has arrived so far is no wish to follow.
      setFollowing(true);
    }
    stateRef.current = next;
    setState(next);
  }, [element, fullHeight]);

  const follow = useCallback(() => setFollowing(true), []);
  const centre = useCallback(
    (row: number) => {
      setFollowing(false);
      const height = element.current?.clientHeight ?? 0;
      moveTo(scrollTo(row * ROW_HEIGHT - (height - ROW_HEIGHT) / 2, height, fullHeight));
    },
    [element, fullHeight, moveTo],
  );

  const first = Math.max(0, Math.floor(state.virtualTop / ROW_HEIGHT) - OVERSCAN);
  const last = Math.min(rowCount, Math.ceil((state.virtualTop + viewport.height) / ROW_HEIGHT) + OVERSCAN);
  return {
    fullHeight,
    first,
    last,
    offset: first * ROW_HEIGHT - state.virtualTop + state.scrollTop,
    isFollowing,
    width: viewport.width,
    onScroll,
    follow,
    centre,
  };
}
