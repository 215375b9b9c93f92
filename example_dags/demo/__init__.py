"""``make demo``: the whole way from invoices to an analyst's table, against a KSeF on this machine."""
