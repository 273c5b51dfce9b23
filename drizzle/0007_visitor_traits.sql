CREATE TABLE "visitor_traits" (
	"project_id" uuid NOT NULL,
	"visitor" text NOT NULL,
	"traits" jsonb NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "visitor_traits_project_id_visitor_pk" PRIMARY KEY("project_id","visitor")
);
--> statement-breakpoint
ALTER TABLE "visitor_traits" ADD CONSTRAINT "visitor_traits_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;