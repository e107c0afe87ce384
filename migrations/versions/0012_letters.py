"""Names of titles whose letters do not decompose, such as ø, æ, ß, œ and ł."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# As in 0003; `written` stands for how the letters of a title are written.
TITLE_NAMES = r"""
CREATE OR REPLACE FUNCTION title_names(title text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(name ORDER BY place), '{}')
    FROM (
        SELECT place, regexp_replace(
            regexp_replace(
                regexp_replace(part, '^a\.?k\.?a\.? ', ''),
                '^(.*), (the|an?|les?|la|l''|une?|el|los|las|il|lo|gli|i|der|die|das)$',
                '\2 \1'
            ),
            '[\x01-\x2f\x3a-\x60\x7b-\xbf\u0300-\u036f\u2000-\u206f\u3000-\u303f]',
            '', 'g'
        ) AS name
        FROM (
            SELECT written AS text
        ) AS plain
        CROSS JOIN LATERAL regexp_split_to_table(text, ' *[()] *')
            WITH ORDINALITY AS parts (part, place)
    ) AS names
    WHERE name <> ''
$$;
"""
PLAIN = "replace(lower(normalize(left(title, 300), NFKD)), '&', 'and')"
LETTERS = {"æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
CHANGED = "UPDATE movies SET title = title WHERE lower(title) ~ '[øłđðıħŧæœßþ]'"


def upgrade() -> None:
    """Write these letters as others do; name anew what has them."""
    written = f"translate({PLAIN}, 'øłđðıħŧ', 'olddiht')"
    for letter, letters in LETTERS.items():
        written = f"replace({written}, '{letter}', '{letters}')"
    op.execute(TITLE_NAMES.replace("written", written))
    op.execute(CHANGED)


def downgrade() -> None:
    """Name titles as before."""
    op.execute(TITLE_NAMES.replace("written", PLAIN))
    op.execute(CHANGED)
