"""The compact ``ap_int`` and ``ap_fixed`` headers for simulation with a plain C++ compiler."""
