ALTER TABLE "rollup_cells" ADD COLUMN "copy_version" bigint;--> statement-breakpoint
ALTER TABLE "rollup_cells" ADD COLUMN "copy_of" integer;--> statement-breakpoint
CREATE INDEX "rollup_cells_to_copy" ON "rollup_cells" USING btree ("events") WHERE copy_version IS NULL;