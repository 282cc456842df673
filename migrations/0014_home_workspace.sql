-- Compatible: a column with a default. The oldest workspace is the one that the installation was set up with.
ALTER TABLE `workspaces` ADD `is_home` integer DEFAULT false NOT NULL;--> statement-breakpoint
UPDATE `workspaces` SET `is_home` = 1 WHERE `id` = (SELECT `id` FROM `workspaces` ORDER BY `created_at` LIMIT 1);
