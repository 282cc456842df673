import type { ReactNode } from "react";
import { Mark } from "../../components/Mark.tsx";
import { t } from "../../lib/text.ts";

/** Pages of people who are not signed in: one narrow column, nothing else. */
export function AccountFrame({
  title,
  intro,
  children,
}: {
  readonly title: string;
  readonly intro?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-88 flex-col gap-6 px-4 pb-8 pt-[min(18vh,160px)]">
      <p className="flex items-center gap-2 text-15 font-semibold">
        <Mark />
        {t("app.name")}
      </p>
      <div className="flex flex-col gap-1">
        <h1 className="text-24 font-semibold">{title}</h1>
        {intro === undefined ? null : <p className="text-dim">{intro}</p>}
      </div>
      {children}
    </main>
  );
}
