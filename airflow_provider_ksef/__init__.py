"""Apache Airflow provider for KSeF, the Polish national e-invoicing system."""

__version__ = "0.1.0"
