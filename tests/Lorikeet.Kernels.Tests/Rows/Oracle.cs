namespace Lorikeet.Kernels.Tests.Rows;

/// <summary>References in double, by formulas no kernel uses.</summary>
internal static class Oracle
{
    /// <summary>The error function: its series below 3, the continued fraction of erfc above.</summary>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (a < 3)
        {
            double term = a;
            double sum = a;
            for (int n = 1; n < 120; n++)
            {
                term *= -a * a / n;
                sum += term / ((2 * n) + 1);
            }
            return Math.CopySign(2 / Math.Sqrt(Math.PI) * sum, x);
        }
        if (a > 20)
        {
            return Math.Sign(x);
        }
        double tail = 0;
        for (int n = 60; n > 0; n--)
        {
            tail = n / 2.0 / (a + tail);
        }
        return Math.CopySign(1 - (Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + tail)), x);
    }

    public static double GeluTanh(double x) => x / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));
}
