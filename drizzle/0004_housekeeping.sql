CREATE TABLE "chore_notes" (
	"chore" text NOT NULL,
	"subject" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"detail" jsonb,
	CONSTRAINT "chore_notes_chore_subject_pk" PRIMARY KEY("chore","subject")
);
