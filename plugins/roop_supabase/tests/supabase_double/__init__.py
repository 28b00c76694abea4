"""A double of a Supabase project on loopback: Storage with resumable uploads, and tables."""
