/**
 * Scrolling further than a browser can lay out. Firefox stops at 17,895,697 px per element and Chrome at 33,554,428, so
 * a taller log gets a shorter scroll range. Small moves stay exact (the wheel moves as many pixels as it says); a jump
 * by the scroll bar lands at the same share of the log.
 */

export const MAX_SCROLL_HEIGHT = 8_000_000;

export interface ScrollState {
  /** Where the browser's scroll bar stands, in its own pixels. */
  readonly scrollTop: number;
  /** First visible pixel of the log at its full height. */
  readonly virtualTop: number;
}

export function scrollHeight(fullHeight: number): number {
  return Math.min(fullHeight, MAX_SCROLL_HEIGHT);
}

/** The state after the browser reported `scrollTop`. `viewport` and `fullHeight` are in pixels. */
export function scrolled(state: ScrollState, scrollTop: number, viewport: number, fullHeight: number): ScrollState {
  const maxVirtual = Math.max(0, fullHeight - viewport);
  const maxScroll = Math.max(0, scrollHeight(fullHeight) - viewport);
  if (fullHeight <= MAX_SCROLL_HEIGHT) {
    return { scrollTop, virtualTop: Math.min(Math.max(0, scrollTop), maxVirtual) };
  }
  if (scrollTop <= 0) {
    return { scrollTop, virtualTop: 0 };
  }
  if (scrollTop >= maxScroll - 1) {
    return { scrollTop, virtualTop: maxVirtual };
  }
  const delta = scrollTop - state.scrollTop;
  const isSmall = Math.abs(delta) < viewport * 2;
  const virtualTop = isSmall ? state.virtualTop + delta : (scrollTop / maxScroll) * maxVirtual;
  return { scrollTop, virtualTop: Math.min(Math.max(0, virtualTop), maxVirtual) };
}

/** Where to put the scroll bar so that `virtualTop` is the first visible pixel. */
export function scrollTo(virtualTop: number, viewport: number, fullHeight: number): ScrollState {
  const maxVirtual = Math.max(0, fullHeight - viewport);
  const top = Math.min(Math.max(0, virtualTop), maxVirtual);
  if (fullHeight <= MAX_SCROLL_HEIGHT) {
    return { scrollTop: top, virtualTop: top };
  }
  const maxScroll = Math.max(0, scrollHeight(fullHeight) - viewport);
  return { scrollTop: maxVirtual === 0 ? 0 : (top / maxVirtual) * maxScroll, virtualTop: top };
}
