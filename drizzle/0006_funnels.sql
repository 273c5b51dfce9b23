CREATE TABLE "funnel_revisions" (
	"funnel_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"mode" text NOT NULL,
	"window_seconds" integer NOT NULL,
	"count_by" text NOT NULL,
	"exclusions" jsonb NOT NULL,
	"hold_constant" text[] NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "funnel_revisions_funnel_id_revision_pk" PRIMARY KEY("funnel_id","revision")
);
--> statement-breakpoint
CREATE TABLE "funnel_steps" (
	"funnel_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"position" integer NOT NULL,
	"name" text,
	"event" text,
	"page" text,
	"goal" uuid,
	"filters" jsonb,
	"optional" boolean NOT NULL,
	CONSTRAINT "funnel_steps_funnel_id_revision_position_pk" PRIMARY KEY("funnel_id","revision","position")
);
--> statement-breakpoint
CREATE TABLE "funnels" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"name" text NOT NULL,
	"revision" integer NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "funnel_revisions" ADD CONSTRAINT "funnel_revisions_funnel_id_funnels_id_fk" FOREIGN KEY ("funnel_id") REFERENCES "public"."funnels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funnel_steps" ADD CONSTRAINT "funnel_steps_of_revision" FOREIGN KEY ("funnel_id","revision") REFERENCES "public"."funnel_revisions"("funnel_id","revision") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "funnels" ADD CONSTRAINT "funnels_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "funnels_by_name" ON "funnels" USING btree ("project_id","name");--> statement-breakpoint
CREATE INDEX "funnels_by_age" ON "funnels" USING btree ("project_id","created_at","id");