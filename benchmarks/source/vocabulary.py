"""The words that complaints are made of, weighted by repetition; all invented where personal."""

from __future__ import annotations

from random import Random

REPORTS = "Credit reporting or other personal consumer reports"
INCORRECT = "Incorrect information on your report"
INVESTIGATION = "Problem with a company's investigation into an existing problem"

# product, sub_product, issue, sub_issue; weight
KINDS: tuple[tuple[tuple[str, str | None, str, str | None], int], ...] = (
    ((REPORTS, "Credit reporting", INCORRECT, "Information belongs to someone else"), 60),
    ((REPORTS, "Credit reporting", INCORRECT, "Account status incorrect"), 18),
    ((REPORTS, "Credit reporting", INCORRECT, "Account information incorrect"), 16),
    ((REPORTS, "Credit reporting", INCORRECT, "Personal information incorrect"), 10),
    ((REPORTS, "Credit reporting", "Improper use of your report",
      "Reporting company used your report improperly"), 40),
    ((REPORTS, "Credit reporting", "Improper use of your report",
      "Credit inquiries on your report that you don't recognize"), 14),
    ((REPORTS, "Credit reporting", INVESTIGATION,
      "Their investigation did not fix an error on your report"), 24),
    ((REPORTS, "Credit reporting", INVESTIGATION, "Investigation took more than 30 days"), 10),
    ((REPORTS, "Other personal consumer report", INCORRECT, "Public record information inaccurate"),
     3),
    (("Debt collection", "Credit card debt", "Attempts to collect debt not owed",
      "Debt is not yours"), 9),
    (("Debt collection", "I do not know", "Written notification about debt",
      "Didn't receive enough information to verify debt"), 7),
    (("Debt collection", "Medical debt", "False statements or representation",
      "Attempted to collect wrong amount"), 4),
    (("Credit card", "General-purpose credit card or charge card",
      "Problem with a purchase shown on your statement",
      "Credit card company isn't resolving a dispute about a purchase on your statement"), 8),
    (("Credit card", "Store credit card", "Fees or interest", "Problem with fees"), 3),
    (("Checking or savings account", "Checking account", "Managing an account",
      "Deposits and withdrawals"), 9),
    (("Checking or savings account", "Savings account", "Closing an account",
      "Company closed your account"), 3),
    (("Mortgage", "Conventional home mortgage", "Trouble during payment process", None), 3),
    (("Mortgage", "FHA mortgage", "Struggling to pay mortgage", None), 2),
    (("Money transfer, virtual currency, or money service", "Mobile or digital wallet",
      "Fraud or scam", None), 5),
    (("Vehicle loan or lease", "Loan", "Managing the loan or lease", "Billing problem"), 3),
    (("Student loan", "Federal student loan servicing", "Dealing with your lender or servicer",
      "Received bad information about your loan"), 3),
    (("Payday loan, title loan, personal loan, or advance loan", "Installment loan",
      "Charged fees or interest you didn't expect", None), 1),
    (("Debt or credit management", None, "Didn't provide services promised", None), 1),
)  # fmt: skip

COMPANIES = (
    *("EXAMPLE CREDIT BUREAU, INC.", "SAMPLE REPORTING SOLUTIONS INC.", "SPECIMEN UNION, LLC") * 10,
    *(f"{name} {kind}" for kind in ("BANK, N.A.", "FINANCIAL, LLC", "SERVICING CORP.", "& CO.")
      for name in ("ACORN", "BEACON", "CEDAR", "DELTA", "ELM", "FJORD", "GRANITE", "HARBOR")),
    "PEÑA & \"SONS\" COLLECTIONS",  # what a careless writer of SQL or CSV trips over
    "O'MALLEY; DROP & ASSOCIATES",
)  # fmt: skip

STATES = (
    *("FL", "TX", "CA", "GA", "NY") * 8, *("PA", "IL", "NJ", "NC", "OH", "VA", "MD") * 4,
    *("AZ", "LA", "MI", "SC", "AL", "TN", "NV", "WA", "MA", "IN", "MO", "CO", "CT", "WI") * 2,
    "DE", "KY", "OK", "MS", "MN", "AR", "OR", "UT", "KS", "DC", "NM", "IA", "HI", "ID", "NE", "WV",
    "RI", "NH", "ME", "MT", "AK", "SD", "ND", "WY", "VT", "PR", "AE", "VI", "GU", "AP",
    None, None, None, None,
)  # fmt: skip

TAGS = (
    *(None,) * 26, *("Servicemember",) * 3, *("Older American",) * 2,
    "Older American, Servicemember",
)  # fmt: skip

CHOOSES_NOT = (
    "Company has responded to the consumer and the CFPB and chooses not to provide "
    "a public response"
)
ACTED_WELL = "Company believes it acted appropriately as authorized by contract or law"
# timely, company_response, submitted_via, consumer_disputed, company_public_response
HANDLINGS: tuple[tuple[str | None, str, str, str, str | None], ...] = (
    *(("Yes", "Closed with explanation", "Web", "N/A", CHOOSES_NOT),) * 20,
    *(("Yes", "Closed with explanation", "Web", "N/A", None),) * 14,
    *(("Yes", "Closed with non-monetary relief", "Web", "N/A", CHOOSES_NOT),) * 12,
    *(("Yes", "In progress", "Web", "N/A", None),) * 6,
    *(("Yes", "Closed with monetary relief", "Phone", "N/A", ACTED_WELL),) * 4,
    *(("Yes", "Closed with explanation", "Referral", "N/A", None),) * 3,
    *(("Yes", "Closed without relief", "Postal mail", "No", None),) * 2,
    ("No", "Untimely response", "Web", "N/A", None),
    ("No", "Closed with explanation", "Fax", "Yes", ACTED_WELL),
    (None, "In progress", "Email", "N/A", None),
)  # fmt: skip

SENTENCES = (
    "On XX/XX/XXXX I noticed an account on my report that does not belong to me.",
    "I called the company three times and was told \"wait 30 days\" each time.",
    "They charged a fee of {$35.00} although my balance was {$1200.00}.",
    "I attached copies of my identification and a police report.",
    "My address is still wrong: it says XXXX XXXX, which I left in XXXX.",
    "The dispute was closed as “verified” — without any investigation.",
    "Please help me to have this removed.\nThank you.",
    "Under 15 U.S.C. 1681 I ask for the deletion of every item that cannot be verified.",
)  # fmt: skip
ABSENT = object()  # the key is not in the record at all


def kinds() -> tuple[tuple[str, str | None, str, str | None], ...]:
    """Return the kinds of complaint, each as often as its weight; 256 of them."""
    return tuple(kind for kind, weight in KINDS for _ in range(weight))


def places() -> tuple[tuple[str | None, str | None], ...]:
    """Return 4096 pairs of state and zip code: whole, redacted to three digits, or absent."""
    chosen = Random(1681)  # fixed: the seed of a source picks among these, it does not make them
    return tuple((chosen.choice(STATES), _zip_code(chosen)) for _ in range(4096))


def _zip_code(chosen: Random) -> str | None:
    whole = f"{chosen.randrange(501, 99951):05d}"
    return chosen.choice((whole,) * 12 + (whole[:3] + "XX",) * 5 + ("XXXXX", None))


def narratives() -> tuple[tuple[object, str | None], ...]:
    """Return 64 pairs of narrative and consent; a narrative may be text, empty, null or absent."""
    chosen = Random(1682)
    told = [" ".join(chosen.sample(SENTENCES, chosen.randrange(1, 6))) for _ in range(16)]
    return (
        *(((text, "Consent provided")) for text in told),
        *(("", "Consent not provided"),) * 24,
        *(("", None),) * 12,
        *((None, "N/A"),) * 6,
        *((ABSENT, None),) * 6,
    )
