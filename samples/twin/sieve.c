int count_primes(int limit) {
    char composite[LIMIT] = {0};
    int count = 0;
    for (int n = 2; n < limit; n++) {
        if (composite[n])
            continue;
        count++;
        for (int multiple = 2 * n; multiple < limit; multiple += n)
            composite[multiple] = 1;
    }
    return count;
}
