ALTER TABLE "stale_visitors" ALTER COLUMN "created_at" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "stale_visitors" RENAME COLUMN "created_at" TO "until";
