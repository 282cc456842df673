import type { DeviceLogin, DeviceLoginDecided } from "@cronium/protocol/api/device";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useForm } from "react-hook-form";
import { approveDeviceLogin, denyDeviceLogin } from "../api/device.ts";
import { ErrorLine } from "../components/ErrorPanel.tsx";
import { Time } from "../components/Time.tsx";
import { t } from "../lib/text.ts";
import { Button } from "../ui/Button.tsx";
import { Facts } from "../ui/Facts.tsx";
import { Field, Select } from "../ui/Field.tsx";
import { useProven } from "./ProofDialog.tsx";

const LIVES = [1, 7, 30, 90, 365] as const;
const USUAL_LIFE = 90;

interface DeviceConsentFormProps {
  readonly login: DeviceLogin;
  readonly onDecided: (decision: DeviceLoginDecided["decision"]) => void;
}

/** Who asks, from where, for what; and the two answers, both sent by POST. */
export function DeviceConsentForm({ login, onDecided }: DeviceConsentFormProps): ReactNode {
  const { userCode } = login;
  const form = useForm<{ role: DeviceLogin["role"]; days: string }>({
    defaultValues: { role: login.role, days: String(USUAL_LIFE) },
  });
  const approve = useProven(
    (values: { role: DeviceLogin["role"]; days: string }) =>
      approveDeviceLogin({ userCode, role: values.role, keyExpiresInDays: Number(values.days) }),
    ({ decision }) => onDecided(decision),
  );
  const deny = useMutation({
    mutationFn: () => denyDeviceLogin(userCode),
    onSuccess: ({ decision }) => onDecided(decision),
  });
  const isBusy = approve.busy || deny.isPending;
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => void form.handleSubmit((values) => approve.run(values))(event)}
    >
      <p className="rounded-control border border-line-strong bg-layer py-3 text-center font-mono text-24 font-semibold">
        {userCode}
      </p>
      <Facts
        rows={[
          [
            t("device.device"),
            <span key="device" className="break-words">
              {login.deviceName === null ? t("device.noName") : t("device.claims", login.deviceName)}
            </span>,
          ],
          [t("device.address"), login.address ?? t("device.noAddress")],
          [t("device.asked"), <Time key="asked" at={login.requestedAt} />],
          [t("device.workspace"), login.workspace.name],
        ]}
      />
      <Field label={t("device.role")} help={t("device.roleHelp")}>
        {(control) => (
          <Select {...control} {...form.register("role")}>
            {login.roles.map((role) => (
              <option key={role} value={role}>
                {t(`role.${role}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t("device.life")}>
        {(control) => (
          <Select {...control} {...form.register("days")}>
            {LIVES.map((days) => (
              <option key={days} value={days}>
                {t("device.days", days)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <ErrorLine error={approve.error ?? deny.error} />
      <div className="flex gap-2">
        <Button type="submit" look="primary" busy={isBusy} className="flex-1">
          {approve.busy ? t("device.approving") : t("device.approve")}
        </Button>
        <Button look="danger" busy={isBusy} onClick={() => deny.mutate()}>
          {deny.isPending ? t("device.denying") : t("device.deny")}
        </Button>
      </div>
      {approve.dialog}
    </form>
  );
}
