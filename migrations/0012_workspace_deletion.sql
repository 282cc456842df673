-- Compatible: a column that older versions neither read nor write.
ALTER TABLE `workspaces` ADD `deleting_at` integer;