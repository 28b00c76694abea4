"""Uploads to Supabase Storage, and a QR code of the link."""
