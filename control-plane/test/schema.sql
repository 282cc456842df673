-- What the migrations lead to; written by npm run db:generate.
CREATE TABLE `account` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`provider_id` text NOT NULL,
	`user_id` text NOT NULL,
	`access_token` text,
	`refresh_token` text,
	`id_token` text,
	`access_token_expires_at` integer,
	`refresh_token_expires_at` integer,
	`scope` text,
	`password` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `user`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE UNIQUE INDEX `account_provider` ON `account` (`provider_id`,`account_id`);

CREATE INDEX `account_user` ON `account` (`user_id`);

CREATE TABLE `account_audit` (
	`workspace_id` text NOT NULL,
	`seq` integer NOT NULL,
	`at` integer NOT NULL,
	`entry` text NOT NULL,
	`previous_hash` text NOT NULL,
	`hash` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `seq`)
);

CREATE TABLE `account_links` (
	`hash` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`email` text NOT NULL,
	`user_id` text,
	`name` text,
	`password_hash` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);

CREATE INDEX `account_links_email` ON `account_links` (`email`,`kind`);

CREATE INDEX `account_links_expiry` ON `account_links` (`expires_at`);

CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`hash` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer
, `created_by` text, `scopes` text, `owner_id` text, `last_used_at` integer);

CREATE UNIQUE INDEX `api_keys_hash` ON `api_keys` (`hash`);

CREATE INDEX `api_keys_list` ON `api_keys` (`workspace_id`,`created_at`);

CREATE TABLE `claim_tokens` (
	`hash` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`created_at` integer NOT NULL
);

CREATE TABLE `device_guesses` (
	`user_id` text PRIMARY KEY NOT NULL,
	`wrong` integer NOT NULL,
	`since` integer NOT NULL
);

CREATE TABLE `device_logins` (
	`device_hash` text PRIMARY KEY NOT NULL,
	`user_code_hash` text NOT NULL,
	`device_name` text,
	`address` text,
	`asked_role` text,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`interval_ms` integer NOT NULL,
	`polled_at` integer,
	`workspace_id` text,
	`user_id` text,
	`role` text,
	`key_life_ms` integer
);

CREATE INDEX `device_logins_expiry` ON `device_logins` (`expires_at`);

CREATE UNIQUE INDEX `device_logins_user_code` ON `device_logins` (`user_code_hash`);

CREATE TABLE `endpoint_routes` (
	`hash` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`endpoint_id` text NOT NULL,
	`created_at` integer NOT NULL
);

CREATE INDEX `endpoint_routes_workspace` ON `endpoint_routes` (`workspace_id`);

CREATE TABLE `events` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text NOT NULL,
	`kind` text NOT NULL,
	`runtime` text NOT NULL,
	`version` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`archived_at` integer,
	`rev` integer NOT NULL
);

CREATE INDEX `events_list` ON `events` (`workspace_id`,`created_at`,`id`);

CREATE TABLE `idempotency_keys` (
	`hash` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`request_hash` text NOT NULL,
	`claimed_at` integer NOT NULL,
	`answer` text
);

CREATE INDEX `idempotency_keys_age` ON `idempotency_keys` (`claimed_at`);

CREATE TABLE `invitations` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`email` text NOT NULL,
	`role` text NOT NULL,
	`hash` text NOT NULL,
	`invited_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`accepted_at` integer,
	`revoked_at` integer
);

CREATE UNIQUE INDEX `invitations_hash` ON `invitations` (`hash`);

CREATE INDEX `invitations_list` ON `invitations` (`workspace_id`,`created_at`);

CREATE TABLE `live_tickets` (
	`hash` text PRIMARY KEY NOT NULL,
	`session_id` text NOT NULL,
	`expires_at` integer NOT NULL
);

CREATE INDEX `live_tickets_expiry` ON `live_tickets` (`expires_at`);

CREATE TABLE `members` (
	`workspace_id` text NOT NULL,
	`user_id` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL, `version` integer DEFAULT 1 NOT NULL,
	PRIMARY KEY(`workspace_id`, `user_id`)
);

CREATE INDEX `members_user` ON `members` (`user_id`);

CREATE TABLE `messages` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`email` text NOT NULL,
	`subject` text NOT NULL,
	`path` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`printed_at` integer,
	`shown_at` integer
);

CREATE INDEX `messages_list` ON `messages` (`created_at`);

CREATE TABLE `named_values` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`event_id` text,
	`version` integer NOT NULL,
	`key_id` text,
	`updated_at` integer NOT NULL,
	`rev` integer NOT NULL
);

CREATE INDEX `named_values_key` ON `named_values` (`key_id`) WHERE "named_values"."key_id" IS NOT NULL;

CREATE INDEX `named_values_list` ON `named_values` (`workspace_id`,`kind`,`name`);

CREATE TABLE `passkey_challenges` (
	`hash` text PRIMARY KEY NOT NULL,
	`user_id` text,
	`expires_at` integer NOT NULL
);

CREATE INDEX `passkey_challenges_expiry` ON `passkey_challenges` (`expires_at`);

CREATE TABLE `passkeys` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`public_key` text NOT NULL,
	`counter` integer NOT NULL,
	`transports` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`refused_at` integer
);

CREATE INDEX `passkeys_user` ON `passkeys` (`user_id`,`created_at`);

CREATE TABLE `provider_sign_ins` (
	`hash` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`nonce` text NOT NULL,
	`verifier` text NOT NULL,
	`redirect_uri` text NOT NULL,
	`return_to` text NOT NULL,
	`expires_at` integer NOT NULL
);

CREATE INDEX `provider_sign_ins_expiry` ON `provider_sign_ins` (`expires_at`);

CREATE TABLE `recovery_codes` (
	`hash` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL
);

CREATE INDEX `recovery_codes_user` ON `recovery_codes` (`user_id`);

CREATE TABLE `registration_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`hash` text NOT NULL,
	`labels` text NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer,
	`runner_id` text
, `kind` text DEFAULT 'single_use' NOT NULL, `max_uses` integer DEFAULT 1 NOT NULL, `uses` integer DEFAULT 0 NOT NULL, `refused` integer DEFAULT 0 NOT NULL, `revoked_at` integer);

CREATE UNIQUE INDEX `registration_tokens_hash` ON `registration_tokens` (`hash`);

CREATE INDEX `registration_tokens_list` ON `registration_tokens` (`workspace_id`,`created_at`);

CREATE TABLE `run_labels` (
	`workspace_id` text NOT NULL,
	`label` text NOT NULL,
	`queued_at` integer NOT NULL,
	`run_id` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `label`, `queued_at`, `run_id`)
);

CREATE INDEX `run_labels_run` ON `run_labels` (`run_id`);

CREATE TABLE `run_names` (
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `name`)
);

CREATE TABLE `runner_credentials` (
	`runner_id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`public_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);

CREATE UNIQUE INDEX `runner_credentials_name` ON `runner_credentials` (`workspace_id`,`name`);

CREATE TABLE `runners` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`rev` integer NOT NULL,
	`view` text NOT NULL
);

CREATE INDEX `runners_list` ON `runners` (`workspace_id`,`id`);

CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`event_id` text,
	`state` text NOT NULL,
	`queued_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer,
	`rev` integer NOT NULL,
	`summary` text NOT NULL,
	`detail` text NOT NULL
, `event_name` text, `trigger` text, `runner_id` text);

CREATE INDEX `runs_by_event` ON `runs` (`workspace_id`,`event_id`,`queued_at`,`id`);

CREATE INDEX `runs_by_name` ON `runs` (`workspace_id`,`event_name`,`queued_at`,`id`);

CREATE INDEX `runs_by_parent` ON `runs` (`workspace_id`,"summary" ->> '$.origin.runId',`queued_at`,`id`) WHERE "runs"."trigger" = 'event';

CREATE INDEX `runs_by_runner` ON `runs` (`workspace_id`,`runner_id`,`queued_at`,`id`) WHERE "runs"."runner_id" IS NOT NULL;

CREATE INDEX `runs_by_state` ON `runs` (`workspace_id`,`state`,`queued_at`,`id`);

CREATE INDEX `runs_by_trigger` ON `runs` (`workspace_id`,`trigger`,`queued_at`,`id`);

CREATE INDEX `runs_dead` ON `runs` (`workspace_id`,`queued_at`,`id`) WHERE "runs"."state" = 'failed' AND "runs"."summary" ->> 'failReason' = 'retries_exhausted';

CREATE INDEX `runs_list` ON `runs` (`workspace_id`,`queued_at`,`id`);

CREATE TABLE `second_factors` (
	`user_id` text PRIMARY KEY NOT NULL,
	`secret` text NOT NULL,
	`confirmed_at` integer,
	`last_step` integer NOT NULL,
	`created_at` integer NOT NULL
);

CREATE TABLE `service_accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`role` text NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL
);

CREATE UNIQUE INDEX `service_accounts_name` ON `service_accounts` (`workspace_id`,`name`);

CREATE TABLE `session` (
	`id` text PRIMARY KEY NOT NULL,
	`expires_at` integer NOT NULL,
	`token` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`ip_address` text,
	`user_agent` text,
	`user_id` text NOT NULL, `active_workspace_id` text, `proven_until` integer,
	FOREIGN KEY (`user_id`) REFERENCES `user`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE UNIQUE INDEX `session_token_unique` ON `session` (`token`);

CREATE INDEX `session_user` ON `session` (`user_id`);

CREATE TABLE `sign_in_challenges` (
	`hash` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`remember` integer NOT NULL,
	`tries` integer NOT NULL,
	`expires_at` integer NOT NULL
);

CREATE INDEX `sign_in_challenges_expiry` ON `sign_in_challenges` (`expires_at`);

CREATE TABLE `user` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`email` text NOT NULL,
	`email_verified` integer DEFAULT false NOT NULL,
	`image` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE UNIQUE INDEX `user_email_unique` ON `user` (`email`);

CREATE TABLE `verification` (
	`id` text PRIMARY KEY NOT NULL,
	`identifier` text NOT NULL,
	`value` text NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE INDEX `verification_identifier` ON `verification` (`identifier`);

CREATE TABLE `workspaces` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL
, `deleting_at` integer, `is_home` integer DEFAULT false NOT NULL, `version` integer DEFAULT 1 NOT NULL);
