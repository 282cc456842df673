import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { classes } from "./classes.ts";

export const linkClasses =
  "underline decoration-line-strong underline-offset-2 transition-colors duration-100 hover:decoration-current";

const quietLink = "underline-offset-2 hover:underline";

export interface TextLinkProps {
  readonly to: string;
  readonly search?: Readonly<Record<string, unknown>>;
  readonly hash?: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly title?: string;
  /** Underlined on hover alone, where place and weight say that it is a link. */
  readonly quiet?: boolean;
}

/** A link inside the dashboard; `to` comes from `lib/paths.ts`. */
export function TextLink({ to, search, hash, children, className, title, quiet = false }: TextLinkProps): ReactNode {
  return (
    <Link {...target(to, search, hash)} className={classes(quiet ? quietLink : linkClasses, className)} title={title}>
      {children}
    </Link>
  );
}

/** Link properties for a path built by `lib/paths.ts`, which the router's own types cannot know. */
export function target(to: string, search?: Readonly<Record<string, unknown>>, hash?: string): LinkProps {
  return { to, ...(search === undefined ? {} : { search }), ...(hash === undefined ? {} : { hash }) } as LinkProps;
}
