-- Compatible: a new table, and an index that holds for the rows of earlier versions: a person has one password.
CREATE TABLE `provider_sign_ins` (
	`hash` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`nonce` text NOT NULL,
	`verifier` text NOT NULL,
	`redirect_uri` text NOT NULL,
	`return_to` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `provider_sign_ins_expiry` ON `provider_sign_ins` (`expires_at`);--> statement-breakpoint
CREATE UNIQUE INDEX `account_provider` ON `account` (`provider_id`,`account_id`);